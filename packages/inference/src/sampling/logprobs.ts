// Log-probabilities of a token and of the most likely tokens in its place: log-softmax of the raw logits, so that sampling
// parameters such as temperature 0 hide nothing.

import type { Tokenizer } from '@ludic/models';

/** A token and its log-probability at temperature 1, whatever the sampling parameters. */
export interface TokenLogprob {
  /** Text of the token alone; part of a character is U+FFFD. */
  readonly text: string;
  /** In nats. */
  readonly logprob: number;
}

/** A token of a completion beside what the model held likeliest in its place. */
export interface RatedToken extends TokenLogprob {
  /** The most likely tokens in its place, the most likely first. */
  readonly alternatives: readonly TokenLogprob[];
}

/** @param logits [vocabSize] raw @param alternatives how many of the most likely tokens to return */
export function rateToken(
  token: number,
  logits: Float32Array,
  alternatives: number,
  tokenizer: Pick<Tokenizer, 'decode'>,
): RatedToken {
  const shift = logSumExp(logits);
  const logprobOf = (id: number): TokenLogprob => ({ text: tokenizer.decode([id]), logprob: logits[id]! - shift });
  return { ...logprobOf(token), alternatives: mostLikely(logits, alternatives).map(logprobOf) };
}

/** log Σ exp(logit): a log-probability is a logit less this. */
export function logSumExp(logits: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) most = Math.max(most, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}

/** Ids of the largest logits, the largest first; ties go to the lower id. */
function mostLikely(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length && count > 0; id++) {
    if (best.length === count && !(logits[id]! > logits[best[count - 1]!]!)) continue;
    const at = best.findIndex((other) => logits[id]! > logits[other]!);
    best.splice(at < 0 ? best.length : at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
