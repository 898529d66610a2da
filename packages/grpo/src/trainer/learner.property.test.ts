// For each kind of loss: the gradient of any batch is the weighted sum of the gradients of its samples, each fed alone, in
// whatever order they come and however they are cut.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradientOf, tinyLearners } from '../../testing/tiny-learner.ts';
import type { Sample } from '../batching/samples.ts';
import { LOSS_TYPES, lossRow } from '../loss/loss-types.ts';
import { DEFAULT_LOSS, type LossSettings } from '../settings/loss-settings.ts';

const { config, learnerWith } = await tinyLearners('smollm-tiny');

const tokens = (least: number, most: number) =>
  fc
    .array(fc.integer({ min: 0, max: config.vocabSize - 1 }), { minLength: least, maxLength: most })
    .map((ids) => Int32Array.from(ids));
/** Of two first prompts, so that samples share paths, and some go on where another reply ended. */
const beginnings = [Int32Array.of(5, 7, 9, 11, 2), Int32Array.of(5, 7, 9, 11, 3, 8)];
const anySample: fc.Arbitrary<Sample> = fc
  .record({
    begins: fc.constantFrom(...beginnings),
    goesOn: tokens(0, 3),
    completion: tokens(1, 4),
    advantage: fc.double({ min: -2, max: 2, noNaN: true }),
    weight: fc.double({ min: 1e-3, max: 0.1, noNaN: true }),
    // From far below to far above what the model says, so that ratios are clipped on both sides.
    old: fc.double({ min: -7, max: -3, noNaN: true }),
  })
  .map(({ begins, goesOn, completion, advantage, weight, old }) => ({
    prompt: Int32Array.from([...begins, ...goesOn]),
    completion,
    oldLogprobs: Float32Array.from(completion, (_, t) => old + t / 10),
    referenceLogprobs: Float32Array.from(completion, () => -4.5),
    advantage,
    weight,
  }));

const kinds: readonly (readonly [string, Partial<LossSettings>])[] = [
  ...LOSS_TYPES.map((lossType) => [lossType, { lossType, epsilonHigh: lossRow(lossType).epsilonHigh }] as const),
  [
    'grpo by sequences, with KL and entropy',
    { importanceSamplingLevel: 'sequence', beta: 0.1, entropyCoefficient: 0.05 },
  ],
];

describe('the gradient of a batch', { timeout: 120_000 }, () => {
  it.each(kinds)('is the sum over its samples: %s', async (_, loss) => {
    const objective = { ...DEFAULT_LOSS, ...loss };
    const budgets = [1, 25, 100_000];
    const learners = await Promise.all(
      budgets.map((tokenBudget) => learnerWith({ objective, temperature: 0.8, tokenBudget })),
    );
    const cut = fc.integer({ min: 0, max: budgets.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySample, { minLength: 2, maxLength: 4 }),
        cut,
        fc.nat(),
        async (samples, at, turn) => {
          const shift = turn % samples.length;
          const order = [...samples.slice(shift), ...samples.slice(0, shift)].reverse();
          const whole = await gradientOf(learners[at]!, order);
          const sum = new Float64Array(whole.length);
          let largest = 0;
          for (const sample of samples) {
            const alone = await gradientOf(learners[2]!, [{ ...sample, weight: 1 }]);
            for (let i = 0; i < sum.length; i++) {
              const part = sample.weight * alone[i]!;
              sum[i]! += part;
              largest = Math.max(largest, Math.abs(part));
            }
          }
          const off = whole.reduce((most, x, i) => Math.max(most, Math.abs(x - sum[i]!)), 0);
          expect(off).toBeLessThanOrEqual(1e-4 * largest + 1e-9);
        },
      ),
      { numRuns: 6 },
    );
    for (const learner of learners) await learner.dispose();
  });
});
