// What an evaluation says in metrics.jsonl, besides its type, its step and how long it took.

import type { Evaluation } from '@ludic/rollouts';

export const EVALUATION: Evaluation = {
  total_episodes: 4,
  mean_reward: 0.25,
  mean_reward_ci95: [0, 1],
  success_rate: 0.5,
  success_ci95: [0, 1],
  mean_steps: 3,
  invalid_rate: 0,
  invalid_episode_rate: 0.5,
  invalid_episode_ci95: [0, 1],
  truncation_rate: 0,
  context_full_rate: 0,
  failure_rate: 0,
  cut_off_rate: 0,
};
