// Learning with products in float16, rounded on the CPU as a GPU rounds them.

import { fileURLToPath } from 'node:url';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { floats, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundingFloat16 } from '../../../runtime/testing/float16.ts';
import {
  checkSettings,
  DEFAULT_ADAMW,
  DEFAULT_LOSS,
  DEFAULT_TRAINING,
  Learner,
  type Sample,
  Trainer,
  type TrainSettings,
} from '../index.ts';
import { lossScale } from '../loss/loss.ts';
import { ROUNDING } from '../loss/loss-metrics.ts';

const cpu = await createRuntime({ device: 'cpu' });
const rounding = roundingFloat16(cpu);
const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));

const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: { invalid_penalty: 0.3 },
  steps: 12,
  batchSize: 128,
  groupSize: 16,
  maxCompletionLength: 4,
  precision: 'float16',
  loss: { ...DEFAULT_LOSS, beta: 0.2 },
};

async function learnerOf(runtime: Runtime, precision: TrainSettings['precision']) {
  const model = await openLanguageModel(await openModelFolder(nano), runtime);
  const common = { objective: DEFAULT_LOSS, adamw: DEFAULT_ADAMW, temperature: 1, tokenBudget: 4096 };
  return { model, learner: new Learner({ ...model, ...common, precision }) };
}

const samples = (weight: number): Sample[] =>
  [0, 1, 2, 3].map((i) => ({
    prompt: Int32Array.of(5, 9, 2, 30 + i),
    completion: Int32Array.of(7 + i, 40, 3),
    oldLogprobs: new Float32Array(3).fill(-5),
    advantage: i - 1.5,
    weight,
  }));

async function gradientOf(learner: Learner, weight: number): Promise<Map<string, Float32Array>> {
  learner.gradients.clear();
  // Ratios far from 1 are not clipped where the advantage is negative; the rest is constant and has no gradient.
  await learner.accumulate(samples(weight));
  return new Map(
    Object.entries(await learner.gradients.download()).map(([name, tensor]) => [name, floats(tensor).slice()]),
  );
}

const norm = (gradient: ReadonlyMap<string, Float32Array>) =>
  Math.sqrt([...gradient.values()].reduce((sum, data) => data.reduce((s, x) => s + x * x, sum), 0));

describe('the scale of the loss', () => {
  it('is a power of two that brings the largest weight near 1', () => {
    const weights = fc.double({ min: 1e-12, max: 1e6, noNaN: true });
    const advantages = fc.double({ min: -100, max: 100, noNaN: true });
    const sample = fc.record({ weight: weights, advantage: advantages });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 5 }), (list) => {
        const scale = lossScale(list);
        const most = Math.max(...list.map(({ weight, advantage }) => weight * Math.max(1, Math.abs(advantage))));
        return Number.isInteger(Math.log2(scale)) && scale * most <= 1 && scale * most > 0.5;
      }),
    );
    expect(lossScale([])).toBe(1);
    expect(lossScale([{ weight: 0, advantage: 1 }])).toBe(1);
  });

  it('keeps gradients however small the weights are', async () => {
    const { learner } = await learnerOf(rounding, 'float16');
    const usual = await gradientOf(learner, 1);
    // Without a scale all of it would be below the smallest float16, 2⁻²⁴.
    const small = await gradientOf(learner, 2 ** -30);
    await learner.dispose();
    expect(norm(usual)).toBeGreaterThan(0);
    for (const [name, data] of usual) expect(small.get(name), name).toEqual(data.map((x) => x * 2 ** -30));
  });
});

describe('a gradient in float16', () => {
  it('points where the one in float32 points', async () => {
    const [half, single] = [await learnerOf(rounding, 'float16'), await learnerOf(cpu, 'float32')];
    const found = await gradientOf(half.learner, 0.1);
    const exact = await gradientOf(single.learner, 0.1);
    let product = 0;
    for (const [name, data] of exact) product += data.reduce((sum, x, i) => sum + x * found.get(name)![i]!, 0);
    expect(found).not.toEqual(exact);
    expect(product / (norm(found) * norm(exact))).toBeGreaterThan(0.9999);
    expect(norm(found) / norm(exact)).toBeCloseTo(1, 2);
    await half.learner.dispose();
    await single.learner.dispose();
  });

  it('is refused before anything changes where numbers are too large for float16', async () => {
    const { model, learner } = await learnerOf(rounding, 'float16');
    const before = await model.parameters.download();
    const name = 'model.layers.0.mlp.down_proj.weight';
    floats(before[name]!).fill(70_000);
    const kept = floats(before['model.norm.weight']!).slice();
    await learner.accumulate(samples(1));
    await expect(learner.step(1e-3)).rejects.toMatchObject({
      code: 'not_finite',
      message: expect.stringContaining('precision float32'),
    });
    expect(floats((await model.parameters.download())['model.norm.weight']!)).toEqual(kept);
    await learner.dispose();
  });
});

describe('training in float16', () => {
  it('learns, with sampler and trainer at one within the bound for float16', { timeout: 120_000 }, async () => {
    const model = await openLanguageModel(await openModelFolder(nano), rounding);
    const trainer = await Trainer.create(model, settings);
    const rewards: number[] = [];
    let largest = 0;
    for (let step = 0; step < settings.steps; step++) {
      const { metrics } = await trainer.runStep();
      rewards.push(metrics.mean_reward);
      largest = Math.max(largest, metrics.max_log_ratio);
    }
    await trainer.dispose();
    const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    expect(mean(rewards.slice(-3))).toBeGreaterThan(mean(rewards.slice(0, 3)) + 0.1);
    // Both really computed in float16.
    expect(largest).toBeGreaterThan(ROUNDING.float32);
    expect(largest).toBeLessThan(ROUNDING.float16);
  });

  it('is a setting with two values', () => {
    expect(() => checkSettings({ ...settings, precision: 'float8' as 'float16' })).toThrow(/precision is float8/);
  });
});
