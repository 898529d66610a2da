// How the loss of a batch is averaged: one weight per action token, so that the loss is the weighted sum.

import { LOSSES, type LossType } from './loss-types.ts';

export interface WeightOptions {
  readonly lossType: LossType;
  /** The longest completion that is allowed, in tokens; only looked at by `constant` averaging. */
  readonly maxCompletionLength: number;
  /** Action tokens of the whole optimizer batch; only looked at by `batch` averaging. */
  readonly batchTokens: number;
}

/**
 * The weight of each token of an episode, for every episode of a batch of `tokenCounts` action tokens each: by the
 * averaging of the loss type, with denominators of at least 1.
 */
export function tokenWeights(
  tokenCounts: readonly number[],
  { lossType, maxCompletionLength, batchTokens }: WeightOptions,
): number[] {
  const episodes = Math.max(tokenCounts.length, 1);
  const weightsOver = (divisor: (count: number) => number) =>
    tokenCounts.map((count) => 1 / Math.max(divisor(count), 1));
  const { averaging } = LOSSES[lossType];
  switch (averaging) {
    case 'episode':
      return weightsOver((count) => Math.max(count, 1) * episodes);
    case 'micro_batch': {
      const own = tokenCounts.reduce((a, b) => a + b, 0);
      return weightsOver(() => own);
    }
    case 'batch':
      return weightsOver(() => batchTokens);
    case 'constant':
      return weightsOver(() => episodes * maxCompletionLength);
    default:
      return averaging satisfies never;
  }
}
