// Which checkpoint of a run is the best. At temperature 0 a policy shows what it holds likeliest, which in a game that
// hides part of its state may lead round in circles; sampled, it shows what it was trained to do. Both count the same.

import type { Evaluation, Measured, Metric } from '@ludic/rollouts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { BatchSummary } from '../trainer/step-metrics.ts';

/** How the games of a step went: played at the training's temperature with the weights from before its update. */
export const SAMPLED_METRICS = {
  sampled_temperature: {
    unit: 'temperature',
    meaning: 'Temperature at which the step played its games',
  },
  sampled_episodes: { unit: 'games', meaning: 'Games of that step' },
  sampled_success_rate: { unit: 'share', meaning: 'success_rate of that step' },
  sampled_win_rate: { unit: 'share', meaning: 'win_rate of that step', optional: true },
  sampled_mean_reward: { unit: 'reward', meaning: 'mean_reward of that step' },
} as const satisfies Readonly<Record<string, Metric>>;

/** Results of a training step's own games, beside an evaluation at another temperature. Rates are between 0 and 1. */
export type SampledRate = Measured<typeof SAMPLED_METRICS>;

/** What stands beside an evaluation; nothing where it samples at the training's own temperature. */
export function sampledBeside(
  { evalTemperature, temperature }: Pick<TrainSettings, 'evalTemperature' | 'temperature'>,
  metrics: Pick<BatchSummary, 'episodes' | 'success_rate' | 'win_rate' | 'mean_reward'> | undefined,
): SampledRate | undefined {
  if (!metrics || evalTemperature === temperature) return undefined;
  return {
    sampled_temperature: temperature,
    sampled_episodes: metrics.episodes,
    sampled_success_rate: metrics.success_rate,
    ...(metrics.win_rate !== undefined && { sampled_win_rate: metrics.win_rate }),
    sampled_mean_reward: metrics.mean_reward,
  };
}

/** The mean reward of the evaluation, or its mean with the sampled one. */
export function evaluationScore(
  { mean_reward }: Pick<Evaluation, 'mean_reward'>,
  sampled: SampledRate | undefined,
): number {
  return sampled === undefined ? mean_reward : (mean_reward + sampled.sampled_mean_reward) / 2;
}
