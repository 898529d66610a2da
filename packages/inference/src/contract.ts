// What goes into a sampler and what comes out of it.

import type { Message } from '@ludic/history';
import type { RandomStream } from '@ludic/random';

export interface Question {
  readonly messages: readonly Message[];
  /** Which episode this is: the same object at every turn of it. Policies hang caches and memories on it. */
  readonly episode: object;
  /** The policy's own stream in this episode. */
  readonly random: RandomStream;
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

/** A reply that a language model has sampled. */
export interface Generation {
  readonly text: string;
  /** `stop`: ended by itself (end-of-turn token or closing tag). `length`: cut off at the token limit. */
  readonly finish: 'stop' | 'length';
  readonly tokens: SampledTokens;
}
