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
} = JSON.parse(readFileSync(new URL('../fixtures/adamw.json', import.meta.url), 'utf8'));

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
  const update = await runtime.load(buildAdamW(shapes, settings));
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
