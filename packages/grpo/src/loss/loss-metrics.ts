// What the loss did, as numbers for people: how far the policy moved from the one that sampled, and how much of it the
// clipping held back. Computed from the log-probabilities that the graph returned, apart from the gradient.

import type { Precision } from '@ludic/models';
import type { LossSettings } from '../settings/loss-settings.ts';
import type { LossMetrics } from '../trainer/step-metrics.ts';
import { IMPORTANCE_CAP } from './loss.ts';
import { upperRatio } from './loss-types.ts';

/** Action tokens of a batch, flat. */
export interface TokenBatch {
  readonly logprobs: ArrayLike<number>;
  readonly oldLogprobs: ArrayLike<number>;
  /** Only looked at where beta > 0. */
  readonly referenceLogprobs: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  /** Index of each token's sequence. */
  readonly sequenceOf: ArrayLike<number>;
  readonly sequences: number;
}

/**
 * Sampler and trainer are one runtime: on fresh data they differ by rounding alone, about 1e-6 and hardly ever this. In
 * float16 what differs by a hair may be rounded to neighbours, 1/2048 apart: nano's largest difference was 0.011.
 */
export const ROUNDING: Readonly<Record<Precision, number>> = { float32: 1e-4, float16: 5e-2 };

/** A policy that is nearly certain has large logits, and rounds a token that it hardly ever takes worse than the rest. */
const STRAY = { factor: 10, share: 1e-3 };

/** Whether sampler and trainer differ by more than rounding: for a token by far, or for more than a few. */
export const isDisagreement = (
  { max_log_ratio: largest, disagreement }: Pick<LossMetrics, 'max_log_ratio' | 'disagreement'>,
  precision: Precision,
): boolean => largest > STRAY.factor * ROUNDING[precision] || disagreement > STRAY.share;

/**
 * The numbers of fresh data whose sampler rounds more than the trainer: the loss compares with what the trainer found (`TokenBatch.logprobs`), and weighs
 * tokens by the difference.
 */
export function correctedMetrics(settings: LossSettings, batch: TokenBatch): LossMetrics {
  const { logprobs, oldLogprobs: sampled } = batch;
  let difference = 0;
  let truncated = 0;
  for (let t = 0; t < logprobs.length; t++) {
    const logRatio = logprobs[t]! - sampled[t]!;
    difference += Math.abs(logRatio);
    if (Math.exp(logRatio) > IMPORTANCE_CAP) truncated++;
  }
  const count = Math.max(1, logprobs.length);
  return {
    ...lossMetrics(settings, { ...batch, oldLogprobs: logprobs }),
    sampler_mismatch: difference / count,
    truncated_weights: truncated / count,
  };
}

export function lossMetrics(settings: LossSettings, batch: TokenBatch, precision: Precision = 'float32'): LossMetrics {
  const { logprobs, oldLogprobs, referenceLogprobs, advantages, sequenceOf, sequences } = batch;
  const count = logprobs.length;
  const lengths = new Float64Array(sequences);
  const logRatioSums = new Float64Array(sequences);
  let maxLogRatio = 0;
  let disagreeing = 0;
  for (let t = 0; t < count; t++) {
    const logRatio = logprobs[t]! - oldLogprobs[t]!;
    maxLogRatio = Math.max(maxLogRatio, Math.abs(logRatio));
    if (Math.abs(logRatio) > ROUNDING[precision]) disagreeing++;
    lengths[sequenceOf[t]!]! += 1;
    logRatioSums[sequenceOf[t]!]! += logRatio;
  }
  const bySequence = settings.importanceSamplingLevel === 'sequence';
  const upper = upperRatio(settings.lossType, settings.epsilonHigh);
  const low = new Float64Array(sequences);
  const high = new Float64Array(sequences);
  let klSum = 0;
  for (let t = 0; t < count; t++) {
    const s = sequenceOf[t]!;
    const ratio = Math.exp(bySequence ? logRatioSums[s]! / lengths[s]! : logprobs[t]! - oldLogprobs[t]!);
    if (ratio < 1 - settings.epsilon && advantages[t]! < 0) low[s]! += 1 / lengths[s]!;
    if (ratio > upper && advantages[t]! > 0) high[s]! += 1 / lengths[s]!;
    if (settings.beta > 0) {
      const distance = referenceLogprobs[t]! - logprobs[t]!;
      klSum += (Math.exp(distance) - distance - 1) * (settings.useBiasCorrectionKl ? ratio : 1);
    }
  }
  const mean = (shares: Float64Array) => {
    const total = shares.reduce((sum, share, s) => sum + (bySequence ? share : share * lengths[s]!), 0);
    return total / Math.max(1, bySequence ? sequences : count);
  };
  const counted = (shares: Float64Array) => [...shares].filter((_, s) => lengths[s]! > 0);
  const clipRatioLowMean = mean(low);
  const clipRatioHighMean = mean(high);
  return {
    ...(settings.beta > 0 && { mean_kl: klSum / Math.max(1, count) }),
    clip_ratio_low_mean: clipRatioLowMean,
    clip_ratio_high_mean: clipRatioHighMean,
    clip_ratio_region_mean: clipRatioLowMean + clipRatioHighMean,
    clip_ratio_low_min: counted(low).reduce((a, b) => Math.min(a, b), 1),
    clip_ratio_high_max: counted(high).reduce((a, b) => Math.max(a, b), 0),
    max_log_ratio: maxLogRatio,
    disagreement: disagreeing / Math.max(1, count),
  };
}
