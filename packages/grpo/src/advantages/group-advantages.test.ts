import { describe, expect, it } from 'vitest';
import { groupAdvantages } from './group-advantages.ts';

describe('groupAdvantages', () => {
  // Group 0: 1, 0, 0, 1, mean 1/2, variance (4 · 1/4) / 3 = 1/3. Group 1: 4, 2, mean 3, variance (1 + 1) / 1 = 2.
  // Batch: mean 4/3, squares 2 · 1/9 + 2 · 16/9 + 64/9 + 4/9 = 102/9, variance 102/45.
  const rewards = [1, 0, 0, 1, 4, 2];
  const groups = [0, 0, 0, 0, 1, 1];
  const centred = [0.5, -0.5, -0.5, 0.5, 1, -1];
  const [first, second, batch] = [1 / 3, 2, 102 / 45].map((variance) => Math.sqrt(variance) + 1e-4) as [
    number,
    number,
    number,
  ];

  it.each([
    ['none', [1, 1, 1, 1, 1, 1]],
    ['group', [first, first, first, first, second, second]],
    ['batch', [batch, batch, batch, batch, batch, batch]],
  ] as const)('divides by the sample deviation (n - 1) of %s', (scale, divisors) => {
    const { values } = groupAdvantages(rewards, groups, scale);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(centred[i]! / divisors[i]!, 12);
  });

  it('gives a group of one no advantage, and counts groups whose rewards are equal', () => {
    const { values, zeroVarianceGroups } = groupAdvantages([3, 2, 2, 1, 0], [0, 1, 1, 2, 2], 'group');
    expect([...values.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect(zeroVarianceGroups).toBeCloseTo(2 / 3, 12);
  });

  it('leaves a missing reward out of mean and deviation', () => {
    const { values } = groupAdvantages([1, undefined, 0, 1], [0, 0, 0, 0], 'none');
    expect([...values]).toEqual([1 / 3, 0, -2 / 3, 1 / 3].map((value) => expect.closeTo(value, 12)));
  });
});
