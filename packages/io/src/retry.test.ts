import { expect, it } from 'vitest';
import { pauseAfter } from './retry.ts';

const POLICY = { firstPause: 1000, longestPause: 8000, longestWait: 20_000 };

it('doubles its longest pause up to a limit and draws from the upper half', () => {
  const longest = [1, 2, 3, 4, 5, 50].map((failures) => pauseAfter(POLICY, failures, undefined, 1 - Number.EPSILON));
  for (const [i, pause] of [1000, 2000, 4000, 8000, 8000, 8000].entries()) expect(longest[i]).toBeCloseTo(pause);
  expect(pauseAfter(POLICY, 3, undefined, 0)).toBe(2000);
});

it('waits as long as the server asks, within a limit', () => {
  expect(pauseAfter(POLICY, 1, 15_000)).toBe(15_000);
  expect(pauseAfter(POLICY, 1, 1e9)).toBe(20_000);
  expect(pauseAfter(POLICY, 1, 15_000, 0.25)).toBe(15_750);
  expect(pauseAfter(POLICY, 5, 100, 0)).toBe(4000);
});
