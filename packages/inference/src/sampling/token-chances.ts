// How likely a model finds a token and its rivals: log-softmax of the raw logits, so that settings such as temperature 0
// hide nothing.

import type { Tokenizer } from '@ludic/models';

/** A token and how likely the model itself finds it, whatever the sampling settings. */
export interface TokenChance {
  /** Text of the token alone; part of a character is U+FFFD. */
  readonly text: string;
  /** In nats. */
  readonly logprob: number;
}

export interface RatedToken extends TokenChance {
  /** The most likely tokens there, the most likely first. */
  readonly alternatives: readonly TokenChance[];
}

/** @param logits of the whole vocabulary @param alternatives how many of the most likely tokens to tell */
export function chancesOf(
  token: number,
  logits: Float32Array,
  alternatives: number,
  tokenizer: Pick<Tokenizer, 'decode'>,
): RatedToken {
  const shift = logTotal(logits);
  const chance = (id: number): TokenChance => ({ text: tokenizer.decode([id]), logprob: logits[id]! - shift });
  return { ...chance(token), alternatives: mostLikely(logits, alternatives).map(chance) };
}

/** log Σ exp: what to take from a logit for its log-probability. */
export function logTotal(logits: Float32Array): number {
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
