// Intervals: how far a measured rate or mean may be from the true one.

import { stream } from '@ludic/random';

/** A 95 % interval of a rate or a mean, in the unit of what was measured. */
export type Interval = readonly [low: number, high: number];

/** 97.5 % quantile of the normal distribution. */
const Z95 = 1.959963984540054;

/** Wilson's 95 % score interval of a rate. Source: Wilson (1927). */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1];
  const rate = successes / trials;
  const z2 = (Z95 * Z95) / trials;
  const centre = (rate + z2 / 2) / (1 + z2);
  const half = (Z95 * Math.sqrt((rate * (1 - rate)) / trials + z2 / (4 * trials))) / (1 + z2);
  // At the ends the formula gives exactly 0 and 1, and rounding a hair beside them.
  return [successes === 0 ? 0 : Math.max(0, centre - half), successes === trials ? 1 : Math.min(1, centre + half)];
}

const RESAMPLES = 1000;

/** Percentile bootstrap 95 % interval of the mean, drawn from the stream that `seed` names. */
export function bootstrapInterval(values: readonly number[], seed: number): Interval {
  if (values.length === 0) return [0, 0];
  if (values.every((value) => value === values[0])) return [values[0]!, values[0]!];
  const random = stream(seed, 'bootstrap');
  // Above some thousand values the resampled means are normal to the eye: the same interval without the draws.
  if (values.length > 2000) {
    const mean = average(values);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    const half = Z95 * Math.sqrt(variance / values.length);
    return [mean - half, mean + half];
  }
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.nextInt(values.length)]!;
    return sum / values.length;
  }).sort();
  return [means[Math.floor(0.025 * RESAMPLES)]!, means[Math.ceil(0.975 * RESAMPLES) - 1]!];
}

export function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
