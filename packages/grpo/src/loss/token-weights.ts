// How the loss of a batch is averaged: one weight per action token, so that the loss is the weighted sum.

import type { LossType } from '../settings/loss-settings.ts';

export interface WeightOptions {
  readonly lossType: LossType;
  /** Used by `dr_grpo` alone: the divisor is episodes · maxCompletionLength. */
  readonly maxCompletionLength: number;
  /** Used by `dapo` and `cispo`: action tokens of the whole optimizer batch. */
  readonly batchTokens: number;
}

/**
 * The weight of each token of an episode, for every episode of a batch of `tokenCounts` action tokens each.
 * - grpo, sapo: the mean over episodes of the mean over an episode's tokens
 * - bnpo: the mean over all tokens given here (a micro-batch, by its definition)
 * - dapo, cispo: the mean over all tokens of the optimizer batch
 * - dr_grpo: the sum over tokens divided by a constant
 * Denominators are at least 1. Source: TRL's GRPOTrainer.
 */
export function tokenWeights(
  tokenCounts: readonly number[],
  { lossType, maxCompletionLength, batchTokens }: WeightOptions,
): number[] {
  const episodes = Math.max(tokenCounts.length, 1);
  const atLeastOne = (n: number) => Math.max(n, 1);
  switch (lossType) {
    case 'grpo':
    case 'sapo':
      return tokenCounts.map((count) => 1 / (atLeastOne(count) * episodes));
    case 'bnpo': {
      const own = tokenCounts.reduce((a, b) => a + b, 0);
      return tokenCounts.map(() => 1 / atLeastOne(own));
    }
    case 'dapo':
    case 'cispo':
      return tokenCounts.map(() => 1 / atLeastOne(batchTokens));
    case 'dr_grpo':
      return tokenCounts.map(() => 1 / (episodes * maxCompletionLength));
    default:
      return lossType satisfies never;
  }
}
