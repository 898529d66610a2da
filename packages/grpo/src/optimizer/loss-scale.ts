// Gradients that pass through products in float16 must lie between 2⁻²⁴ and 65504. So the loss of a micro-batch is
// multiplied by a power of two and its gradients are divided by it again, both exactly. The factor is a function of the
// micro-batch alone: nothing has to be remembered for a run that is resumed.

import type { Sample } from '../batching/samples.ts';

/** The power of two that brings the largest weight of a token in the loss to between 1/2 and 1. */
export function lossScale(samples: readonly Pick<Sample, 'weight' | 'advantage'>[]): number {
  const largest = samples.reduce(
    (most, { weight, advantage }) => Math.max(most, Math.abs(weight) * Math.max(1, Math.abs(advantage))),
    0,
  );
  return largest > 0 ? 2 ** -Math.ceil(Math.log2(largest)) : 1;
}
