import { describe, expect, it } from 'vitest';
import { evaluationScore, sampledBeside } from './evaluation-score.ts';

const GAMES = { episodes: 512, successRate: 0.8, reward: 0.9 };

describe('the score of a checkpoint', () => {
  it('counts what the policy does likeliest and what it does sampled the same', () => {
    const sampled = sampledBeside({ evalTemperature: 0, temperature: 1 }, GAMES);
    expect(sampled).toEqual({ temperature: 1, episodes: 512, successRate: 0.8, meanReward: 0.9 });
    expect(evaluationScore({ meanReward: -0.5 }, sampled)).toBeCloseTo(0.2);
    // One that walks in circles at temperature 0 may still be the best.
    expect(evaluationScore({ meanReward: -0.5 }, sampled)).toBeGreaterThan(
      evaluationScore({ meanReward: -0.4 }, { ...sampled!, meanReward: 0.1 }),
    );
  });

  it('is that of the evaluation where it samples as the training does, or no step is known', () => {
    expect(sampledBeside({ evalTemperature: 1, temperature: 1 }, GAMES)).toBeUndefined();
    expect(sampledBeside({ evalTemperature: 0, temperature: 1 }, undefined)).toBeUndefined();
    expect(evaluationScore({ meanReward: 0.3 }, undefined)).toBe(0.3);
  });
});
