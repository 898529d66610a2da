// What a history strategy is: a pure function from the episode so far to the messages that the policy sees.

/** One message of the conversation that a policy sees. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A finished turn: what the policy saw and what it answered. */
export interface PastTurn {
  readonly observation: string;
  readonly reply: string;
}

/** All that a strategy may look at. */
export interface EpisodeSoFar {
  /** The environment's own system prompt. */
  readonly systemPrompt: string;
  /** Finished turns, oldest first. */
  readonly turns: readonly PastTurn[];
  /** What the environment says now. */
  readonly observation: string;
  /** The environment's perfect memory now (see `Environment.memory`). */
  readonly optimalMemory: string;
}

/**
 * A way to show a policy what happened before: the messages of the next prompt, the last of them the user's. Pure: it is
 * called for every turn of every episode, in several processes, and its results are compared.
 */
export type HistoryFunction = (episode: EpisodeSoFar) => readonly Message[];

/** Ludic's own ways to show a policy what happened before. */
export const HISTORY_STRATEGIES = ['NO_HISTORY', 'FULL_HISTORY', 'SCRATCHPAD', 'OPTIMAL_SCRATCHPAD'] as const;
/** One of `HISTORY_STRATEGIES`. */
export type BuiltInHistory = (typeof HISTORY_STRATEGIES)[number];
/** The name of a strategy: one of `HISTORY_STRATEGIES`, or one that `registerHistory` added. */
export type HistoryStrategy = BuiltInHistory | (string & {});
