import { stream } from '@ludic/random';
import type { Episode } from '@ludic/rollouts';
import { describe, expect, it } from 'vitest';
import { episodeOf } from '../../testing/episodes.ts';
import { estimateAdvantages } from './estimators.ts';

interface Step {
  readonly situation: string;
  readonly prompt: number;
  readonly reward: number;
}

const episode = (...steps: readonly Step[]): Episode =>
  episodeOf(steps.map(({ prompt, ...step }) => ({ ...step, prompt: Int32Array.of(prompt) })));

const estimate = (episodes: readonly Episode[], gaeLambda: number, discount = 1) =>
  estimateAdvantages(
    episodes,
    episodes.map(() => 0),
    { advantageEstimator: 'situation', scaleRewards: 'none', discount, gaeLambda, noteReward: 0 },
  ).advantages.map((turns) => [...turns]);

describe('credit by situations', () => {
  it('compares with the other turns of the situation and prompt, drawn towards those of the situation', () => {
    const step = (prompt: number, reward: number) => episode({ situation: 's', prompt, reward });
    // The mean of all is 2. Of the first: others in its situation 2, 0, 5 and one of 2 make 9/4; with its prompt: 2 and 9/4.
    const [first, , , last] = estimate([step(1, 1), step(1, 2), step(2, 0), step(3, 5)], 1);
    expect(first![0]).toBeCloseTo(1 - (2 + 9 / 4) / 2, 12);
    // A prompt that is shown once is judged by its situation alone.
    expect(last![0]).toBeCloseTo(5 - (1 + 2 + 0 + 2) / 4, 12);
  });

  it('credits a note at once with what notes like it were worth', () => {
    // The door is where the situation says it is; games whose prompt shows the note (1) win, others (0) lose.
    const game = (note: number, reward: number) =>
      episode({ situation: 'at the door', prompt: 9, reward: 0 }, { situation: 'later', prompt: note, reward });
    const games = Array.from({ length: 40 }, (_, i) => game(i % 2, i % 2));
    const advantages = estimate(games, 0);
    expect(advantages[1]![0]).toBeGreaterThan(0.4);
    expect(advantages[0]![0]).toBeLessThan(-0.4);
    // What came after the note was no better than was to be expected.
    for (const turns of advantages) expect(Math.abs(turns[1]!)).toBeLessThan(0.1);
  });

  it('with lambda 1 credits returns, less what the turn itself was worth', () => {
    const random = stream(2);
    const games = Array.from({ length: 50 }, () =>
      episode(
        { situation: 'a', prompt: 0, reward: random.nextFloat() },
        { situation: `b${random.nextInt(3)}`, prompt: 0, reward: random.nextFloat() },
      ),
    );
    const discount = 0.9;
    const [far, near] = [estimate(games, 1, discount), estimate(games, 0, discount)];
    for (const [i, { turns }] of games.entries()) {
      const worth = turns[0]!.reward + discount * turns[1]!.reward - far[i]![0]!;
      const next = turns[1]!.reward - far[i]![1]!;
      expect(near[i]![0]).toBeCloseTo(turns[0]!.reward + discount * next - worth, 12);
      expect(near[i]![1]).toBe(far[i]![1]);
    }
  });

  it('has less noise than the credit of episodes, about the same mean', () => {
    // Ten moves, each worth 1 where it is right; only the first one's credit is looked at.
    const random = stream(4);
    const games = Array.from({ length: 400 }, () => {
      const moves = Array.from({ length: 10 }, () => random.nextInt(2));
      return { moves, episode: episode(...moves.map((reward, t) => ({ situation: `${t}`, prompt: t, reward }))) };
    });
    const episodes = games.map((game) => game.episode);
    const right = games.map(({ moves }) => moves[0] === 1);
    const creditOf = (advantages: readonly (readonly number[])[]) => {
      const own = advantages.filter((_, i) => right[i]).map((turns) => turns[0]!);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      return { mean, variance: own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / own.length };
    };
    const near = creditOf(estimate(episodes, 0));
    const far = creditOf(estimate(episodes, 1));
    expect(near.mean).toBeCloseTo(0.5, 1);
    expect(near.variance).toBeLessThan(far.variance / 100);
  });

  it('leaves out games that failed, and refuses games that say no situations', () => {
    const failed = { ...episode({ situation: 's', prompt: 0, reward: 100 }), endReason: 'failed' as const };
    const games = [
      episode({ situation: 's', prompt: 0, reward: 1 }),
      episode({ situation: 's', prompt: 0, reward: 1 }),
    ];
    expect(estimate([...games, failed], 1)).toEqual([[0], [0], [0]]);
    const silent = episodeOf([{ prompt: Int32Array.of(0), reward: 1 }]);
    expect(() => estimate([silent], 1)).toThrow(/needs a game that says its situations/);
  });
});
