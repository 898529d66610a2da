import { describe, expect, it } from 'vitest';
import { evaluationScore, sampledBeside } from './evaluation-score.ts';

const GAMES = { episodes: 512, success_rate: 0.8, mean_reward: 0.9 };

describe('the score of a checkpoint', () => {
  it('counts what the policy does likeliest and what it does sampled the same', () => {
    const sampled = sampledBeside({ evalTemperature: 0, temperature: 1 }, GAMES);
    expect(sampled).toEqual({
      sampled_temperature: 1,
      sampled_episodes: 512,
      sampled_success_rate: 0.8,
      sampled_mean_reward: 0.9,
    });
    expect(evaluationScore({ mean_reward: -0.5 }, sampled)).toBeCloseTo(0.2);
    // One that walks in circles at temperature 0 may still be the best.
    expect(evaluationScore({ mean_reward: -0.5 }, sampled)).toBeGreaterThan(
      evaluationScore({ mean_reward: -0.4 }, { ...sampled!, sampled_mean_reward: 0.1 }),
    );
  });

  it('is that of the evaluation where it samples as the training does, or no step is known', () => {
    expect(sampledBeside({ evalTemperature: 1, temperature: 1 }, GAMES)).toBeUndefined();
    expect(sampledBeside({ evalTemperature: 0, temperature: 1 }, undefined)).toBeUndefined();
    expect(evaluationScore({ mean_reward: 0.3 }, undefined)).toBe(0.3);
  });
});
