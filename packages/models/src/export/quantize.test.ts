// Four-bit weights are near the weights, and a model of them is the model with the numbers that they stand for.

import { float32, floats, type HostTensor, int64 } from '@ludic/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folder, largestDifference, runtime } from '../../testing/golden.ts';
import { buildExport, type ModelConfig, readCheckpoint, tensorsOf } from '../index.ts';
import { openModelFolder } from '../node.ts';
import { BLOCK, chooseSteps, type Matrix, nibbleAt, packNibbles } from './quantize.ts';

/** The numbers that the nibbles and steps of a matrix stand for, [out, in]. */
function rounded(matrix: Matrix): Float32Array {
  const { out, in: width } = matrix;
  const steps = chooseSteps(matrix);
  const { scales, zeroPoints } = steps;
  const packed = packNibbles(matrix, steps);
  const blocks = Math.ceil(width / BLOCK);
  const numbers = new Float32Array(out * width);
  for (let row = 0; row < out; row++) {
    for (let i = 0; i < width; i++) {
      const block = Math.floor(i / BLOCK);
      const zero = nibbleAt(zeroPoints, row * Math.ceil(blocks / 2) * 2 + block);
      const nibble = nibbleAt(packed, (row * blocks + block) * BLOCK + (i % BLOCK));
      numbers[row * width + i] = (nibble - zero) * scales[row * blocks + block]!;
    }
  }
  return numbers;
}

const number = fc.oneof(
  fc.double({ min: -4, max: 4, noNaN: true }),
  fc.double({ min: 1, max: 2, noNaN: true }),
  fc.constantFrom(0, -1e-3, 1e-14),
);
const matrix = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }), fc.constantFrom('out_in', 'in_out'))
  .chain(([out, width, order]) =>
    fc
      .array(number, { minLength: out * width, maxLength: out * width })
      .map((data): Matrix => ({ data: Float32Array.from(data), out, in: width, order: order as Matrix['order'] })),
  );

describe('four-bit weights', () => {
  it('are within half a step of each number, and steps are no coarser than a fourteenth of the range', () => {
    fc.assert(
      fc.property(matrix, (given) => {
        const numbers = rounded(given);
        const { data, out, in: width, order } = given;
        const at = (row: number, i: number) => data[order === 'out_in' ? row * width + i : i * out + row]!;
        const blocks = Math.ceil(width / BLOCK);
        const { scales } = chooseSteps(given);
        for (let row = 0; row < out; row++) {
          for (let block = 0; block < blocks; block++) {
            const inside = Array.from({ length: Math.min(BLOCK, width - block * BLOCK) }, (_, i) => block * BLOCK + i);
            const own = inside.map((i) => at(row, i));
            const range = Math.max(0, ...own) - Math.min(0, ...own);
            const scale = scales[row * blocks + block]!;
            expect(scale).toBeLessThanOrEqual((range / 14) * 1.000001 + 1e-40);
            const error = Math.max(...inside.map((i, k) => Math.abs(numbers[row * width + i]! - own[k]!)));
            // A step may be too small for a float32.
            expect(error).toBeLessThanOrEqual(scale * 0.50001 + 1e-40);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keep sixteen even steps exactly, zero among them', () => {
    const data = Float32Array.from({ length: 2 * BLOCK }, (_, i) => ((i % 16) - 5) * 0.25);
    expect(rounded({ data, out: 2, in: BLOCK, order: 'out_in' })).toEqual(data);
  });

  it('fill bytes from the lower nibble on, the end of the last block with zero', () => {
    const data = Float32Array.from([-5, 10, ...new Array<number>(BLOCK - 2).fill(0), 15, 0]);
    const one: Matrix = { data, out: 1, in: BLOCK + 2, order: 'out_in' };
    const steps = chooseSteps(one);
    // The first block has 5 steps below zero, the second none.
    expect([...steps.scales]).toEqual([1, 1]);
    expect([...steps.zeroPoints]).toEqual([0x05]);
    const packed = packNibbles(one, steps);
    expect([...packed.subarray(0, 2), packed[16], packed[17]]).toEqual([0xf0, 0x55, 0x0f, 0]);
  });
});

describe.each(['llama-tiny', 'smollm-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'])(
  'the exported %s in q4',
  (name) => {
    it('gives the logits of the numbers that its weights stand for', async () => {
      const { config, parameters } = await readCheckpoint(await openModelFolder(folder(name)));
      const actual = await logits(buildExport(config, parameters, 'q4'), config);
      const expected = await logits(buildExport(...dequantised(config, parameters)), config);
      const exact = await logits(buildExport(config, parameters), config);
      // What is left is that x has eight bits in products.
      expect(largestDifference(actual, expected)).toBeLessThan(0.2 * largestDifference(expected, exact));
      expect(largestDifference(expected, exact)).toBeGreaterThan(0.001);
    });
  },
);

/** The same model with rounded weights in its linear layers and its head, which therefore is no longer tied. */
function dequantised(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
): [ModelConfig, Record<string, HostTensor>] {
  const changed: Record<string, HostTensor> = { ...parameters };
  const table = config.family === 'gpt2' ? 'wte.weight' : 'model.embed_tokens.weight';
  if (config.tieWordEmbeddings) changed['lm_head.weight'] = parameters[table]!;
  const untied = { ...config, tieWordEmbeddings: false };
  for (const [weight, { linear: order }] of tensorsOf(untied)) {
    if (!order) continue;
    const { dims } = changed[weight]!;
    const [out, width] = (order === 'out_in' ? dims : dims.toReversed()) as [number, number];
    const numbers = rounded({ data: floats(changed[weight]!), out, in: width, order });
    const stored =
      order === 'out_in'
        ? numbers
        : Float32Array.from(numbers, (_, at) => numbers[(at % out) * width + Math.floor(at / out)]!);
    changed[weight] = float32(stored, dims);
  }
  return [untied, changed];
}

async function logits(bytes: Uint8Array, { layers, kvHeads, headDim, vocabSize }: ModelConfig): Promise<Float32Array> {
  const program = await runtime.load(bytes);
  const count = 9;
  const sequence = Array.from({ length: count }, (_, i) => i);
  const empty = float32([], [1, kvHeads, 0, headDim]);
  const cache = sequence.slice(0, layers).flatMap((layer) => [
    [`past_key_values.${layer}.key`, empty],
    [`past_key_values.${layer}.value`, empty],
  ]);
  const outputs = await program.run({
    input_ids: int64(
      sequence.map((i) => (7 * i + 3) % vocabSize),
      [1, count],
    ),
    attention_mask: int64(new Array(count).fill(1), [1, count]),
    position_ids: int64(sequence, [1, count]),
    ...Object.fromEntries(cache),
  });
  await program.dispose();
  return floats(outputs.logits as HostTensor);
}
