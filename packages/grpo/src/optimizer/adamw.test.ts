// AdamW with clipping by global norm against PyTorch's numbers.

import { readFileSync } from 'node:fs';
import { float32, floats, type HostTensor, scalar, zeros } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { expect, it } from 'vitest';
import { adamWScalars, buildAdamW, buildSquaredNorm } from './adamw.ts';

type Nested = number | Nested[];
const golden: {
  hyperparameters: { lr: number; betas: [number, number]; eps: number; weight_decay: number; max_grad_norm: number };
  shapes: Record<string, number[]>;
  initial: Record<string, Nested>;
  steps: {
    grads: Record<string, Nested>;
    grad_norm_before_clip: number;
    clip_coefficient: number;
    params: Record<string, Nested>;
  }[];
} = JSON.parse(readFileSync(new URL('../../fixtures/adamw.json', import.meta.url), 'utf8'));

const flat = (nested: Nested): number[] => (typeof nested === 'number' ? [nested] : nested.flatMap(flat));

it('updates in place as PyTorch does', async () => {
  const { lr, betas, eps, weight_decay, max_grad_norm } = golden.hyperparameters;
  const settings = {
    beta1: betas[0],
    beta2: betas[1],
    epsilon: eps,
    weightDecay: weight_decay,
    maxGradNorm: max_grad_norm,
  };
  const shapes = new Map(Object.entries(golden.shapes));
  const runtime = await createRuntime({ device: 'cpu', threads: 1 });
  const norm = await runtime.load(buildSquaredNorm(shapes));
  const update = await runtime.load(buildAdamW(shapes, settings, () => true));
  const state: Record<string, HostTensor> = {};
  const into: Record<string, HostTensor> = {};
  for (const [name, shape] of shapes) {
    state[name] = float32(flat(golden.initial[name]!), shape);
    state[`first.${name}`] = zeros(shape);
    state[`second.${name}`] = zeros(shape);
    for (const key of [name, `first.${name}`, `second.${name}`]) into[`next.${key}`] = state[key]!;
  }
  for (const [i, step] of golden.steps.entries()) {
    const grads = Object.fromEntries(
      [...shapes].map(([name, shape]) => [`gradient.${name}`, float32(flat(step.grads[name]!), shape)]),
    );
    const { squared_norm } = (await norm.run(grads)) as { squared_norm: HostTensor };
    const length = Math.sqrt(floats(squared_norm)[0]!);
    expect(length).toBeCloseTo(step.grad_norm_before_clip, 5);
    const scalars = adamWScalars(settings, i + 1, lr, length);
    expect(scalars.first_gain / (1 - settings.beta1)).toBeCloseTo(step.clip_coefficient, 6);
    const numbers = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)]));
    await update.run({ ...state, ...grads, ...numbers }, into);
    for (const name of shapes.keys()) {
      for (const [k, value] of flat(step.params[name]!).entries()) {
        expect(Math.abs(floats(state[name]!)[k]! - value)).toBeLessThanOrEqual(1e-6);
      }
    }
  }
});

const SETTINGS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

it('does not clip where the norm is 0 or Infinity', () => {
  const plain = adamWScalars({ ...SETTINGS, maxGradNorm: Number.POSITIVE_INFINITY }, 1, 1e-3, 50);
  expect(adamWScalars({ ...SETTINGS, maxGradNorm: 0 }, 1, 1e-3, 50)).toEqual(plain);
  expect(plain.first_gain).toBeCloseTo(0.1, 12);
});

it('lets matrices decay, and neither norms nor biases', async () => {
  const settings = { ...SETTINGS, weightDecay: 0.5 };
  const shapes = new Map([
    ['matrix', [1, 2]],
    ['norm', [2]],
  ]);
  const runtime = await createRuntime({ device: 'cpu', threads: 1 });
  const update = await runtime.load(buildAdamW(shapes, settings));
  const inputs: Record<string, HostTensor> = {};
  for (const [name, shape] of shapes) {
    inputs[name] = float32([1, 1], shape);
    for (const prefix of ['gradient.', 'first.', 'second.']) inputs[prefix + name] = zeros(shape);
  }
  const numbers = Object.entries(adamWScalars(settings, 1, 0.1, 0)).map(([name, value]) => [name, scalar(value)]);
  const outputs = await update.run({ ...inputs, ...Object.fromEntries(numbers) });
  expect([...floats(outputs['next.matrix'] as HostTensor)].map((x) => Number(x.toFixed(6)))).toEqual([0.95, 0.95]);
  expect([...floats(outputs['next.norm'] as HostTensor)]).toEqual([1, 1]);
});
