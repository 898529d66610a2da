// Who answers a prompt. A policy gets a batch of prompts, one per running episode, and gives one reply for each.

import type { Environment } from '@ludic/environments';
import type { Message } from '@ludic/history';
import type { RandomStream } from '@ludic/random';

export interface Prompt {
  readonly messages: readonly Message[];
  /** Which episode this is: the same object at every turn of it. Policies hang caches and memories on it. */
  readonly episode: object;
  /** The policy's own stream in this episode. */
  readonly random: RandomStream;
  /** The running game, for scripted players. Language models never look at it. */
  readonly environment: Environment;
}

/** The token ids that were really seen and sampled, and the log-probabilities under which they were. */
export interface SampledTokens {
  /** The whole prompt. */
  readonly prompt: Int32Array;
  /** What was sampled, the end-of-turn token included where it was. */
  readonly completion: Int32Array;
  /** log π of each completion token at the sampling temperature, over the support kept by top-k and top-p. */
  readonly logprobs: Float32Array;
  /** Entropy in nats of the distribution that each completion token was drawn from. */
  readonly entropies: Float32Array;
}

export interface Reply {
  readonly text: string;
  /** `stop`: ended by itself (end-of-turn token or closing tag). `length`: cut off at the token limit. */
  readonly finish: 'stop' | 'length';
  /** Present where a language model answered. */
  readonly tokens?: SampledTokens;
}

/**
 * No reply to this prompt, for good; the other games go on. `failed`: its game has failed. `context_full`: the prompt and
 * a reply do not fit the context of the model, which ends the game as a step limit would.
 */
export interface NoReply {
  readonly finish: 'failed' | 'context_full';
  /** Why, in one sentence. */
  readonly error: string;
}

export const isReply = (reply: Reply | NoReply): reply is Reply =>
  reply.finish !== 'failed' && reply.finish !== 'context_full';

export interface ActOptions {
  /** Where a policy waits for others, it stops waiting and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Policy {
  readonly name: string;
  /**
   * One reply per prompt, in order. A reply depends on its own prompt and stream, not on its neighbours. Rejects where
   * no other prompt would fare better.
   */
  act(prompts: readonly Prompt[], options?: ActOptions): Promise<(Reply | NoReply)[]>;
  dispose(): void;
}
