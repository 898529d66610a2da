// What an episode leaves behind: plain data, everything that learning, evaluation and a viewer need.

import type { Split, StepInfo } from '@ludic/environments';
import type { Message } from '@ludic/history';
import type { PolicyRequest, Reply } from '@ludic/policies';

/** One step of an episode in Gymnasium's sense: an observation, the reply to it and the reward for that. */
export interface Turn {
  /** All that the policy saw. */
  readonly prompt: readonly Message[];
  /** What an agent asked, where one did: `prompt` says it in plain turns. Not on record. */
  readonly request?: PolicyRequest | undefined;
  /** What the environment said before the reply. */
  readonly observation: string;
  /** What the reply was given in, hidden things included, for credit: see `Environment.situation`. Not on record. */
  readonly situation?: string | undefined;
  /** How many hidden facts the scratchpad that was shown said, where it said any: see `Environment.facts`. Not on record. */
  readonly trueNotes?: number | undefined;
  readonly reply: Reply;
  /** Of this reply alone. */
  readonly reward: number;
  readonly info: StepInfo;
}

/**
 * terminated: the game ended by its rules. truncated: the step limit ended it. context_full: the conversation outgrew the
 * context of the model, and the game counts with what it had earned, as at a step limit. failed: it could not be scored.
 */
export const END_REASONS = ['terminated', 'truncated', 'context_full', 'failed'] as const;
/** Why an episode is over: as Gymnasium has it, or since its conversation grew too long or its game failed. */
export type EndReason = (typeof END_REASONS)[number];

/** A game from its opening to its end, as plain data: learning, evaluation and replay need nothing else of it. */
export interface Episode {
  /** Seed of the opening, and of what was random after it: with the replies they play the episode again. */
  readonly seed: number;
  readonly dynamicsSeed: number;
  /** What it was played for. Default: `training`. */
  readonly split?: Split;
  readonly turns: readonly Turn[];
  /** Sum of the rewards of all turns. */
  readonly reward: number;
  readonly endReason: EndReason;
  /** What the environment said last; empty for a failed episode. */
  readonly finalObservation: string;
  /** Of games with a winner, from the side of the policy. */
  readonly outcome?: 'win' | 'draw' | 'loss';
  /** Of games that say so themselves; see `isSuccess`. */
  readonly success?: boolean;
  /** Why it failed, where it did, or what did not fit the context. */
  readonly error?: string;
}

/** An episode counts as a success when its total reward is above this, unless its game has a rule of its own. */
export const SUCCESS_REWARD = 0.5;

/** Whether an episode counts as a success: by the rule of its game, or by its total reward. */
export const isSuccess = ({ reward, success }: Pick<Episode, 'reward' | 'success'>): boolean =>
  success ?? reward > SUCCESS_REWARD;
