// One seed, one curve: on the CPU, and on WebGPU with every tensor there and no part of a graph on the CPU.

import { fileURLToPath } from 'node:url';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { floats, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../../runtime/testing/gpu.ts';
import { DEFAULT_TRAINING, type StepMetrics, Trainer, type TrainSettings } from '../index.ts';

const gpu = await openGpu();
const cpu = await createRuntime({ device: 'cpu' });
const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));

const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: { invalid_penalty: 0.3, max_steps: 3 },
  steps: 3,
  batchSize: 8,
  groupSize: 4,
  maxCompletionLength: 4,
  learningRate: 1e-3,
  // With a reference model and an entropy bonus every part of the loss is there.
  loss: { ...DEFAULT_TRAINING.loss, beta: 0.1, entropyCoefficient: 0.01 },
};

async function train(runtime: Runtime) {
  const model = await openLanguageModel(await openModelFolder(nano), runtime);
  const trainer = await Trainer.create(model, settings);
  const curve: StepMetrics[] = [];
  for (let step = 0; step < settings.steps; step++) curve.push((await trainer.runStep()).metrics);
  const weights = await model.parameters.download();
  await trainer.dispose();
  return { curve, weights };
}

describe.skipIf(!gpu)('training on WebGPU', () => {
  it('follows the curve of the CPU', { timeout: 180_000 }, async () => {
    const expected = await train(cpu);
    const found = await train(gpu!);
    for (const [i, metrics] of expected.curve.entries()) {
      for (const [name, value] of Object.entries(metrics)) {
        const other = found.curve[i]![name as keyof StepMetrics];
        expect(Math.abs(Number(other) - Number(value)), `${name} of step ${i + 1}`).toBeLessThan(1e-3);
      }
    }
    expect(new Set(expected.curve.map(({ mean_reward }) => mean_reward)).size).toBeGreaterThan(1);
    let moved = 0;
    for (const [name, tensor] of Object.entries(expected.weights)) {
      const other = floats(found.weights[name]!);
      for (const [i, value] of floats(tensor).entries()) moved = Math.max(moved, Math.abs(value - other[i]!));
    }
    expect(moved).toBeLessThan(1e-3);
  });
});
