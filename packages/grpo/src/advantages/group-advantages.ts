// From rewards to advantages: how much better an episode did than its group.

import type { ScaleRewards } from '../settings/loss-settings.ts';

/** Added to a standard deviation before dividing by it. */
const STD_EPSILON = 1e-4;

export interface Advantages {
  /** One per episode; 0 for an episode without a reward. */
  readonly values: Float64Array;
  /** Share of groups whose rewards are all equal, so that they teach nothing. */
  readonly zeroVarianceGroups: number;
}

/**
 * A = R − mean of the group, divided by the standard deviation (n − 1) of the group or of the batch plus 1e-4, unless
 * `scale` is `none`. An undefined reward (an episode that could not be scored) leaves the baseline and gets 0.
 */
export function groupAdvantages(
  rewards: readonly (number | undefined)[],
  groups: readonly number[],
  scale: ScaleRewards,
): Advantages {
  const scored = rewards.filter((reward) => reward !== undefined);
  const scoredEpisodes = [...rewards.keys()].filter((i) => rewards[i] !== undefined);
  const members = Map.groupBy(scoredEpisodes, (i) => groups[i]!);
  const batchDeviation = standardDeviation(scored);
  const values = new Float64Array(rewards.length);
  let equal = 0;
  for (const group of members.values()) {
    const own = group.map((i) => rewards[i]!);
    if (own.every((reward) => reward === own[0])) equal++;
    const mean = average(own);
    const deviation = scale === 'group' ? standardDeviation(own) : batchDeviation;
    for (const i of group) {
      values[i] = (rewards[i]! - mean) / (scale === 'none' ? 1 : deviation + STD_EPSILON);
    }
  }
  return { values, zeroVarianceGroups: members.size === 0 ? 0 : equal / members.size };
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

/** With Bessel's correction; 0 for fewer than two numbers. */
function standardDeviation(numbers: readonly number[]): number {
  if (numbers.length < 2) return 0;
  const mean = average(numbers);
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (numbers.length - 1));
}
