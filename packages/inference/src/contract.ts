// What goes into a sampler and what comes out of it.

import type { ChatMessage, Tool } from '@ludic/models';
import type { RandomStream } from '@ludic/random';

/** What a sampler needs for one reply: the conversation, and the random numbers of its episode. */
export interface Prompt {
  readonly messages: readonly ChatMessage[];
  /** What the model may call; none where absent or empty. */
  readonly tools?: readonly Tool[];
  /** The policy's random stream in this episode: one number is drawn for each token. */
  readonly random: RandomStream;
}

/** The token ids that the model saw and sampled, and the log-probabilities under which they were sampled. */
export interface SampledTokens {
  /** The whole prompt. */
  readonly prompt: Int32Array;
  /** The sampled tokens, with the end-of-turn token if it was sampled. */
  readonly completion: Int32Array;
  /** log π of each completion token at the sampling temperature, over the support kept by top-k and top-p. */
  readonly logprobs: Float32Array;
  /** Entropy in nats of the distribution that each completion token was drawn from. */
  readonly entropies: Float32Array;
}

/** A complete reply of a language model. */
export interface Generation {
  readonly text: string;
  /** `stop`: ended by itself (end-of-turn token or closing tag). `length`: cut off at the token limit. */
  readonly finish: 'stop' | 'length';
  readonly tokens: SampledTokens;
}
