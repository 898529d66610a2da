// The network against PyTorch's numbers: logits, loss and every gradient of small checkpoints of each family.

import { floats, type HostTensor, int32, type Runtime } from '@ludic/runtime';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../../runtime/testing/gpu.ts';
import { largest, largestDifference, load, lossAndGradients, runtime } from '../../testing/golden.ts';
import { buildDecoder, prefillInputs } from '../internal.ts';
import { inverseFrequencies } from './rope.ts';

const gpu = await openGpu();

const NAMES = [
  'llama-tiny',
  'llama-tiny-sharded',
  'smollm-tiny',
  'qwen2-tiny',
  'qwen3-tiny',
  'qwen3-tiny-bf16',
  'gemma3-tiny',
  'gpt2-tiny',
];

async function logitsOf(name: string, on: Runtime): Promise<Float32Array> {
  const { config, parameters, sequences } = await load(name);
  const program = await on.load(buildDecoder(config, { prefix: false, past: false }));
  const { inputs } = prefillInputs(config, sequences);
  const tokens = inputs.ids!.dims[0]!;
  const every = Array.from({ length: tokens }, (_, i) => i);
  const { logits } = await program.run({ ...parameters, ...inputs, logit_positions: int32(every, [tokens]) });
  await program.dispose();
  return floats(logits as HostTensor);
}

describe.each(NAMES)('%s', (name) => {
  it('has the rotary frequencies of the reference', async () => {
    const { config, golden, tensors } = await load(name);
    for (const [tensor, rotary] of [
      ['rope.inv_freq', config.rotary],
      ['rope.inv_freq_local', config.localRotary],
    ] as const) {
      expect(rotary !== undefined, tensor).toBe(tensors.has(tensor));
      if (!rotary) continue;
      const ours = inverseFrequencies(rotary, config.headDim);
      for (const [i, value] of golden(tensor).entries()) expect(Math.abs(ours[i]! / value - 1)).toBeLessThan(1e-6);
    }
  });

  it('gives the logits of the reference', async () => {
    const { golden } = await load(name);
    expect(largestDifference(await logitsOf(name, runtime), golden('logits'))).toBeLessThan(5e-5);
  });

  it.each([false, true])(
    'gives the loss and every gradient of the reference, recomputed: %s',
    async (gradientCheckpointing) => {
      const { config, parameters, golden, sequences, tensors } = await load(name);
      const { output } = await lossAndGradients(
        config,
        parameters,
        sequences,
        { prefixLength: 0 },
        { gradientCheckpointing },
      );
      expect(Math.abs(output('loss')[0]! - golden('loss')[0]!)).toBeLessThan(1e-5);
      const names = [...tensors.keys()].filter((tensor) => tensor.startsWith('grad.'));
      expect(names).toHaveLength(Object.keys(parameters).length);
      for (const tensor of names) {
        const expected = golden(tensor);
        expect(largestDifference(output(tensor), expected), tensor).toBeLessThanOrEqual(1e-4 * largest(expected));
      }
    },
  );

  // Measured on a software adapter: 1.4e-6 of the largest entry. Other GPUs may sum in another order and fuse
  // multiplications with additions, so they get ten times the room that the CPU has.
  it.skipIf(!gpu)('gives them on WebGPU too, with no part of the graph on the CPU', async () => {
    const { config, parameters, golden, sequences, tensors } = await load(name);
    expect(largestDifference(await logitsOf(name, gpu!), golden('logits'))).toBeLessThan(5e-4);
    const { output } = await lossAndGradients(
      config,
      parameters,
      sequences,
      { prefixLength: 0 },
      // Recomputing takes every operator that keeping takes, and more.
      { on: gpu!, gradientCheckpointing: true },
    );
    expect(Math.abs(output('loss')[0]! - golden('loss')[0]!)).toBeLessThan(1e-4);
    for (const tensor of [...tensors.keys()].filter((key) => key.startsWith('grad.'))) {
      const expected = golden(tensor);
      expect(largestDifference(output(tensor), expected), tensor).toBeLessThanOrEqual(1e-3 * largest(expected));
    }
  });

  it('gives the same numbers when layers are checkpointed, whatever is shared', async () => {
    const { config, parameters, sequences } = await load(name);
    for (const shape of [{ prefixLength: 0 }, { prefixLength: 3, promptLengths: [5, 5, 5, 5] }]) {
      const start = sequences[0]!.slice(0, 5);
      const rows = [2, 9, 17, 40].map((id, i) => Int32Array.of(...start, id, ...sequences[1]!.slice(0, i)));
      const kept = await lossAndGradients(config, parameters, rows, shape);
      const again = await lossAndGradients(config, parameters, rows, shape, { gradientCheckpointing: true });
      expect(again.output('loss')).toEqual(kept.output('loss'));
      for (const tensor of Object.keys(parameters)) {
        const expected = kept.output(`grad.${tensor}`);
        expect(largestDifference(again.output(`grad.${tensor}`), expected), tensor).toBeLessThanOrEqual(
          1e-6 * largest(expected),
        );
      }
    }
  });

  it.each([
    ['a shared prefix', { prefixLength: 6 }, { prefix: true, sharedPrompts: false }],
    [
      'prompts with many replies',
      { prefixLength: 0, promptLengths: [8, 8, 8, 11, 11] },
      { prefix: false, sharedPrompts: true },
    ],
    ['both', { prefixLength: 6, promptLengths: [8, 8, 8, 11, 11] }, { prefix: true, sharedPrompts: true }],
  ])('gives the same gradients when %s are computed once', async (_, shape, levels) => {
    const { config, parameters, sequences } = await load(name);
    const start = sequences[0]!.slice(0, 6);
    const prompt = Int32Array.of(...start, 5, 9);
    const other = Int32Array.of(...start, 7, 1, 1, 30, 4);
    // Rows of different lengths; one has nothing beyond its prompt.
    const rows = [
      Int32Array.of(...prompt, 2),
      Int32Array.of(...prompt, 3, 8, 20),
      Int32Array.of(...prompt, 6, 6),
      other,
      Int32Array.of(...other, 11, 12),
    ];
    const apart = await lossAndGradients(config, parameters, rows, { prefixLength: 0 });
    const shared = await lossAndGradients(config, parameters, rows, shape);
    expect(shared.levels).toEqual(levels);
    expect(shared.output('loss')[0]).toBeCloseTo(apart.output('loss')[0]!, 5);
    for (const tensor of Object.keys(parameters)) {
      const expected = apart.output(`grad.${tensor}`);
      expect(largestDifference(shared.output(`grad.${tensor}`), expected), tensor).toBeLessThanOrEqual(
        1e-5 * Math.max(largest(expected), 1e-3),
      );
    }
  });
});
