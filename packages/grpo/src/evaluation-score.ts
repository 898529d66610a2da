// Which checkpoint of a run is the best. At temperature 0 a policy shows what it holds likeliest, which in a game that
// hides part of its state may lead round in circles; sampled, it shows what it was trained to do. Both count the same.

import type { Evaluation } from '@ludic/rollouts';
import type { BatchSummary } from './summary.ts';
import type { TrainSettings } from './train-settings.ts';

/** How the games of a step went: played at the training's temperature with the weights from before its update. */
export interface SampledRate {
  readonly temperature: number;
  readonly episodes: number;
  readonly successRate: number;
  readonly winRate?: number;
  readonly meanReward: number;
}

/** What stands beside an evaluation; nothing where it samples at the training's own temperature. */
export function sampledBeside(
  { evalTemperature, temperature }: Pick<TrainSettings, 'evalTemperature' | 'temperature'>,
  metrics: Pick<BatchSummary, 'episodes' | 'successRate' | 'winRate' | 'reward'> | undefined,
): SampledRate | undefined {
  if (!metrics || evalTemperature === temperature) return undefined;
  const { episodes, successRate, winRate, reward } = metrics;
  return { temperature, episodes, successRate, ...(winRate !== undefined && { winRate }), meanReward: reward };
}

/** The mean reward of the evaluation, or its mean with the sampled one. */
export function evaluationScore(
  { meanReward }: Pick<Evaluation, 'meanReward'>,
  sampled: SampledRate | undefined,
): number {
  return sampled === undefined ? meanReward : (meanReward + sampled.meanReward) / 2;
}
