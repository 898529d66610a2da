// From logits to the distribution that is sampled: temperature, top-k, top-p, then one uniform number picks a token.
// The log-probabilities are those of exactly this distribution.

import { PolicyError } from '../errors.ts';
import type { SamplingParams } from './params.ts';

/** A distribution over token ids. Log-probabilities are computed from its logits for tokens that are drawn, and for no other. */
export interface Distribution {
  /** Token ids of the support; undefined where it is the whole vocabulary in order. */
  readonly support: Int32Array | undefined;
  /** Running sum of the weights over the support, up to `total`. */
  readonly cumulative: Float64Array;
  readonly total: number;
  /** The raw logits of the whole vocabulary, and what turns one into log π: logit / temperature − shift. */
  readonly logits: Float32Array;
  readonly temperature: number;
  readonly shift: number;
  /** In nats. */
  readonly entropy: number;
}

/** @param logits [vocabSize] raw @throws PolicyError `not_finite` */
export function distributionOf(
  logits: Float32Array,
  { temperature, topK, topP }: Pick<SamplingParams, 'temperature' | 'topK' | 'topP'>,
): Distribution {
  if (temperature === 0) return certain(logits);
  const support = keptSupport(logits, temperature, topK, topP);
  const size = support ? support.length : logits.length;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < size; i++) max = Math.max(max, logits[support ? support[i]! : i]!);
  max /= temperature;
  const cumulative = new Float64Array(size);
  let total = 0;
  let weighted = 0;
  for (let i = 0; i < size; i++) {
    const shifted = logits[support ? support[i]! : i]! / temperature - max;
    const weight = Math.exp(shifted);
    total += weight;
    weighted += weight * shifted;
    cumulative[i] = total;
  }
  if (!Number.isFinite(total)) {
    throw notFinite();
  }
  const logSumExp = Math.log(total);
  // −Σ p·log p with log p = shifted − log(total)
  const entropy = Math.max(0, logSumExp - weighted / total);
  return { support, cumulative, total, logits, temperature, shift: max + logSumExp, entropy };
}

export interface DrawnToken {
  readonly token: number;
  /** log π, in nats. */
  readonly logprob: number;
  /** Of the distribution that it was drawn from, in nats. */
  readonly entropy: number;
}

/** @param uniform a number in [0, 1) */
export function draw(distribution: Distribution, uniform: number): DrawnToken {
  const index = indexAt(distribution, uniform);
  const token = tokenAt(distribution, index);
  return { token, logprob: logprobAt(distribution, index), entropy: distribution.entropy };
}

/** Index into the support for a uniform number in [0, 1). */
function indexAt({ cumulative, total }: Distribution, uniform: number): number {
  const target = uniform * total;
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The token at an index into the support. */
const tokenAt = ({ support }: Distribution, index: number): number => (support ? support[index]! : index);

/** log π of the token at an index into the support. */
export const logprobAt = (distribution: Distribution, index: number): number =>
  distribution.logits[tokenAt(distribution, index)]! / distribution.temperature - distribution.shift;

/** All weight on the most likely token. */
function certain(logits: Float32Array): Distribution {
  const token = argmax(logits);
  if (!Number.isFinite(logits[token]!)) return distributionOf(logits, { temperature: 1, topK: 0, topP: 1 });
  const support = Int32Array.of(token);
  return {
    support,
    cumulative: Float64Array.of(1),
    total: 1,
    logits,
    temperature: 1,
    shift: logits[token]!,
    entropy: 0,
  };
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** The tokens that top-k and top-p keep, most likely first; undefined where all are kept. Ties go to the lower id. */
function keptSupport(logits: Float32Array, temperature: number, topK: number, topP: number): Int32Array | undefined {
  const limited = topK > 0 && topK < logits.length;
  if (!limited && topP >= 1) return undefined;
  const order = Int32Array.from(logits, (_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = limited ? order.subarray(0, topK) : order;
  if (topP >= 1) return kept;
  const weights = Float64Array.from(kept, (id) => Math.exp((logits[id]! - logits[kept[0]!]!) / temperature));
  const target = topP * weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  let count = 0;
  while (count < kept.length && sum < target) sum += weights[count++]!;
  return kept.subarray(0, Math.max(1, count));
}

export const notFinite = (): PolicyError =>
  new PolicyError(
    'not_finite',
    'The network gave a logit that is no finite number: its weights are damaged or diverged.',
  );
