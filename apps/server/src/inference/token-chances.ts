// How likely a model finds a token and its rivals: log-softmax of the raw logits, so that settings such as temperature 0
// hide nothing.

import type { Tokenizer } from '@ludic/models';
import type { ChatToken, TokenChance } from './protocol.ts';

/** @param logits of the whole vocabulary @param alternatives how many of the most likely tokens to tell */
export function chancesOf(token: number, logits: Float32Array, alternatives: number, tokenizer: Tokenizer): ChatToken {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) most = Math.max(most, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  const shift = most + Math.log(sum);
  const chance = (id: number): TokenChance => ({ text: tokenizer.decode([id]), logprob: logits[id]! - shift });
  return { ...chance(token), alternatives: mostLikely(logits, alternatives).map(chance) };
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
