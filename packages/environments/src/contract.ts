// The contract between a game and everything else, in Gymnasium's words: text in, text out, reward. A definition says
// what a game is; an environment is one running episode of it.

import type { RandomStream } from '@ludic/random';

/** What a step tells beside the observation; part of every trajectory. */
export interface StepInfo {
  /** The reply had no readable action, or one that the rules forbid. */
  readonly invalid: boolean;
  /** Who won, once a two-player game has ended. */
  readonly outcome?: 'win' | 'draw' | 'loss';
  /** Whether the episode, as it stands, is a success. Default: whether its total reward is above 0.5. */
  readonly success?: boolean;
  /**
   * What the game measures itself: finite numbers by names of lower-case letters, digits and underscores. They add up over
   * the steps of an episode; their means over episodes are the metrics `game_NAME`. A game says 0 as well: what no step of a
   * batch names is absent from its metrics.
   */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What an episode is played for. A game with data of its own has other items in each. */
export type Split = 'training' | 'evaluation';

/** What one reply led to, in Gymnasium's words. */
export interface Step {
  readonly observation: string;
  readonly reward: number;
  /** The game ended by its own rules. */
  readonly terminated: boolean;
  /** The step limit ended it. */
  readonly truncated: boolean;
  readonly info: StepInfo;
}

/** How an episode differs from the one that its seed gives. */
export interface ResetOptions<State = unknown> {
  /**
   * Seed of all that is random after the opening (an opponent's moves). Episodes with one `seed` and different
   * `dynamicsSeed`s start from the identical state and then go their own way. Default: `seed`.
   */
  readonly dynamicsSeed?: number;
  /** Default: `training`. */
  readonly split?: Split;
  /**
   * Plays the other side of a game of two instead of the scripted opponent: the state as that side's own player sees it
   * comes in, a reply in the game's format goes out. What it throws ends the step as if it had not been asked for.
   */
  readonly opponent?: (state: State) => string;
}

/** What a function of a game answers: at once, or later. */
export type Awaitable<T> = T | PromiseLike<T>;

/** One running episode of a game. `reset` may be called again for the next. */
export interface Environment<State = unknown> {
  /** Starts an episode; the whole number `seed` (up to 2^53) decides its opening. Returns the first observation. */
  reset(seed: number, options?: ResetOptions<State>): Awaitable<string>;
  /**
   * Plays one reply of the policy. Any string is allowed; never throws on its content. Throws after the end.
   * @param given how the reply was made, where that is known: for environments that answer others with it
   */
  step(reply: string, given?: ReplyMade): Awaitable<Step>;
  /** Frees what the episode holds (a connection, a process); called once when it is over, however it ended. */
  close?(): Awaitable<void>;
  /** The state of the game as data, for experts and for drawing. Not for policies. */
  readonly state: State;
  /** The memory that a perfect player would keep so far: what OPTIMAL_SCRATCHPAD shows. Empty where none is needed. */
  readonly memory: string;
  /**
   * The hidden facts of now by kind, each as the one line that says it in the words of `memory`, seen or not:
   * `{ door: 'You saw the door at row 1, column 2.' }`. Notes are taught and judged by them. Default: none.
   */
  readonly facts?: Facts;
  /**
   * Names all that decides how the game goes on, what is hidden included: from equal situations the same replies lead on
   * to the same (up to dice). Credit compares turns by it. Default: undefined, and the game has no credit by situations.
   */
  readonly situation?: string | undefined;
  /**
   * What the policy is asked, where the environment makes the whole prompt itself, as an agent does: a `PolicyRequest` of the
   * policies. Neither rules nor history are shown then. Default: undefined.
   */
  readonly request?: object | undefined;
  /** Rewards of the turns in place of those of the steps, where they are known at the end alone. Default: undefined. */
  readonly finalRewards?: readonly number[] | undefined;
}

/** How a language model made a reply. */
export interface ReplyMade {
  /** `stop`: ended by itself. `length`: cut off at the limit of tokens. */
  readonly finish: string;
  /** Ids of the prompt and of the reply, where they are known. */
  readonly tokens?: { readonly prompt: ArrayLike<number>; readonly completion: ArrayLike<number> } | undefined;
}

/** An environment that answers at once, which can be played and drawn without waiting. */
export interface SyncEnvironment<State = unknown> extends Environment<State> {
  reset(seed: number, options?: ResetOptions<State>): string;
  step(reply: string): Step;
}

/** Hidden facts by kind: for each the line that says it. */
export type Facts = Readonly<Record<string, string>>;

/** A scripted player with the memory of one episode: make a new one for each. */
export interface Expert<State = unknown> {
  /** The complete reply, tags included. */
  act(environment: Environment<State>, random: RandomStream): string;
}

/** A board as rows of cells from the top, for programs that draw it. */
export type Board = readonly (readonly BoardCell[])[];

/** One cell of a board. */
export interface BoardCell {
  /** A letter, a short word, an emoji; may be empty. */
  readonly text: string;
  /** For its colour: player, other, goal, danger, wall or hidden. Default, and where it is another word: plain. */
  readonly kind?: string;
}

/** The JSON schema of a flat settings object: enough for a form, a help text and a check. */
export interface ConfigSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly additionalProperties: false;
}

/** The JSON schema of one setting. */
export type PropertySchema =
  | {
      readonly type: 'integer' | 'number';
      readonly default: number;
      readonly minimum?: number;
      readonly maximum?: number;
      readonly description: string;
    }
  | {
      readonly type: 'string';
      readonly enum: readonly string[];
      readonly default: string;
      readonly description: string;
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly description: string };

/** A game: its settings, rules as text, episodes and scripted players. `defineEnvironment` makes one from pure functions. */
export interface EnvironmentDefinition<Config = unknown, State = unknown> {
  /** Name in the registry: lower case with underscores. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly configSchema: ConfigSchema;
  /** Name of the tag that holds the action: `move` for `<move>5</move>`. */
  readonly replyTag: string;
  /**
   * How often an episode is begun anew when it fails, for environments that rest on what may fail now and then: an agent, a
   * server. Default: 1, and a failed episode has failed.
   */
  readonly attempts?: number;
  /**
   * Whether episodes that answer later wait for each other before the policy is asked: then each batch of prompts is the
   * same every time, and a run gives the same bytes. Default: false, they go on as they are ready.
   */
  readonly lockstep?: boolean;
  /** Rules and reply format, told to the policy once. */
  systemPrompt(config: Config): string;
  create(config: Config): Environment<State>;
  /** How a state looks, for people. Default: its observation alone is shown. */
  board?(state: State, config: Config): Board;
  /** Scripted players by name. `random` plays uniformly among the sensible actions; `expert` plays best. */
  readonly experts: Readonly<
    Record<'random' | 'expert', (config: Config) => Expert<State>> & Record<string, (config: Config) => Expert<State>>
  >;
}

/** A game whose environments answer at once, as those of `defineEnvironment` do where no rule is asynchronous. */
export interface SyncEnvironmentDefinition<Config = unknown, State = unknown>
  extends EnvironmentDefinition<Config, State> {
  create(config: Config): SyncEnvironment<State>;
}
