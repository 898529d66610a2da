// Differences checked against numbers made by hand, and against what pairing is for.

import { stream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { pairedDifference } from './paired.ts';
import { bootstrapInterval } from './statistics.ts';

const games = (...rewards: number[]) => rewards.map((reward, seed) => ({ seed, reward, steps: 3 }));

describe('the paired difference', () => {
  it('is the mean of the differences, game by game', () => {
    // Rewards differ by 1, 0, -1 and 2: 0.5 on average. Successes by 1, 0, -1 and 1: a quarter.
    const paired = pairedDifference(games(1, 0.5, 0, 1), games(0, 0.5, 1, -1), 7);
    const { mean_reward, mean_reward_ci95, success_rate, success_ci95 } = paired;
    expect(paired).toMatchObject({ total_episodes: 4, mean_reward: 0.5, success_rate: 0.25 });
    for (const [mean, [low, high]] of [
      [mean_reward, mean_reward_ci95],
      [success_rate, success_ci95],
    ] as const) {
      expect(low).toBeLessThan(mean);
      expect(high).toBeGreaterThan(mean);
    }
    // Four draws of four: the least and the most that can come.
    expect(mean_reward_ci95[0]).toBeGreaterThanOrEqual(-1);
    expect(mean_reward_ci95[1]).toBeLessThanOrEqual(2);
  });

  it('compares steps as well, of whole episodes as of lines', () => {
    const lines = [3, 5, 50].map((steps, seed) => ({ seed, reward: 0, steps }));
    const episodes = lines.map(({ steps, ...game }) => ({ ...game, turns: new Array<never>(steps - 2) }));
    const paired = pairedDifference(lines, episodes, 1);
    expect(paired).toMatchObject({ mean_steps: 2, mean_steps_ci95: [2, 2], mean_reward: 0 });
  });

  it('has an interval of no width where every game differs alike', () => {
    const paired = pairedDifference(games(1, 0.75, 0.25), games(0.5, 0.25, -0.25), 1);
    expect(paired).toMatchObject({ mean_reward: 0.5, mean_reward_ci95: [0.5, 0.5] });
    // The first two were won by one of them alone.
    expect(paired.success_rate).toBeCloseTo(2 / 3, 12);
  });

  it('agrees with the normal interval of the differences where there are many', () => {
    const random = stream('paired test');
    const first = games(...Array.from({ length: 1500 }, () => random.nextFloat()));
    const second = first.map(({ reward, ...game }) => ({ ...game, reward: reward - random.nextFloat() }));
    const { mean_reward, mean_reward_ci95 } = pairedDifference(first, second, 3);
    // The differences are uniform on [0, 1): variance 1/12.
    const half = 1.96 * Math.sqrt(1 / 12 / 1500);
    expect(Math.abs(mean_reward - 0.5)).toBeLessThan(3 * half);
    expect(Math.abs(mean_reward_ci95[1] - mean_reward_ci95[0] - 2 * half)).toBeLessThan(0.15 * 2 * half);
  });

  it('is far narrower than the intervals of both, where games are hard or easy for both', () => {
    const random = stream('hard and easy');
    const first = games(...Array.from({ length: 200 }, () => random.nextFloat()));
    const second = first.map(({ reward, ...game }, i) => ({ ...game, reward: reward - (i % 2) / 50 }));
    const { mean_reward_ci95 } = pairedDifference(first, second, 5);
    expect(mean_reward_ci95[0]).toBeGreaterThan(0);
    const own = bootstrapInterval(
      first.map((game) => game.reward),
      5,
    );
    expect(mean_reward_ci95[1] - mean_reward_ci95[0]).toBeLessThan((own[1] - own[0]) / 10);
  });

  it('changes its sign with the order, and is the same again for the same seed', () => {
    const [a, b] = [games(1, 0, 1, 0, 1), games(0, 0, 1, 1, -1)];
    expect(pairedDifference(a, b, 2)).toEqual(pairedDifference(a, b, 2));
    expect(pairedDifference(b, a, 2).mean_reward).toBe(-pairedDifference(a, b, 2).mean_reward);
  });

  it('refuses games that are not the same', () => {
    expect(() => pairedDifference(games(1, 0), games(1), 0)).toThrow('not the same games');
    const others = [{ seed: 9, reward: 1, steps: 3 }];
    expect(() => pairedDifference(games(1), others, 0)).toThrow('not the same games');
  });

  it('of no games is nothing', () => {
    expect(pairedDifference([], [], 0)).toEqual({
      total_episodes: 0,
      mean_reward: 0,
      mean_reward_ci95: [0, 0],
      success_rate: 0,
      success_ci95: [0, 0],
      mean_steps: 0,
      mean_steps_ci95: [0, 0],
    });
  });
});
