// Sequences that are fed in any number of runs and steps have the logits that each has alone.

import { floatParameters } from '@ludic/models/internal';
import { ResidentTensors } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, describe, expect, it } from 'vitest';
import { openNumberModel } from '../testing/number-model.ts';
import { Decoder } from './decoder.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const model = await openNumberModel(runtime);
const { vocabSize } = model.config;
const alone = new Decoder(model);
const decoder = new Decoder(model);
afterAll(async () => {
  await alone.dispose();
  await decoder.dispose();
});

const tokens = (first: number, length: number) => Int32Array.from({ length }, (_, i) => 10 + ((first + 3 * i) % 50));
const shared = tokens(0, 6);
const row = (i: number, length: number) => Int32Array.of(...shared, ...tokens(i, length));

async function expectAlone(sequences: readonly Int32Array[], logits: Float32Array): Promise<void> {
  for (const [i, sequence] of sequences.entries()) {
    const expected = await alone.prefill([sequence], undefined);
    for (let id = 0; id < vocabSize; id++)
      expect(Math.abs(logits[i * vocabSize + id]! - expected.logits[id]!)).toBeLessThan(1e-4);
  }
}

const sizeOf = (numbers: Float32Array) => Math.sqrt(numbers.reduce((total, x) => total + x * x, 0));

it.each([8, 4] as const)('computes with weights of %d bits as with the numbers that they stand for', async (bits) => {
  const kept = await openNumberModel(runtime, 'qwen3-tiny', bits);
  const { baseBits: _, ...rest } = kept;
  const whole = { ...floatParameters(await kept.parameters.download(), kept.config, bits) };
  const decoders = [new Decoder(kept), new Decoder({ ...rest, parameters: await ResidentTensors.of(runtime, whole) })];
  const sequences = [3, 5, 9].map((length, i) => row(i, length));
  const answers = await Promise.all(
    decoders.map(async (own) => {
      const after = await own.prefill(sequences, await own.prefix(shared));
      const later = await own.extend(
        after.kv,
        sequences.map((_, i) => tokens(i + 7, 1 + (i % 2))),
      );
      return [after.logits, later.logits, (await own.prefill(sequences, undefined)).logits];
    }),
  );
  for (const [i, logits] of answers[0]!.entries()) {
    const exact = answers[1]![i]!;
    // Products in whole numbers round what they multiply to eight bits.
    expect(sizeOf(logits.map((x, at) => x - exact[at]!)) / sizeOf(exact)).toBeLessThan(0.05);
  }
  for (const own of decoders) await own.dispose();
});

describe('a decoder', () => {
  it('feeds a few long sequences apart from many short ones', async () => {
    const prefix = await decoder.prefix(shared);
    const sequences = Array.from({ length: 24 }, (_, i) => row(i, i % 12 === 5 ? 40 : 3));
    const { logits, kv } = await decoder.prefill(sequences, prefix);
    await expectAlone(sequences, logits);
    expect(new Set(kv.map(({ batch }) => batch)).size).toBe(2);
  });

  it('extends rows of several runs by a few and by many tokens, some rows more than once, and not all of them', async () => {
    const prefix = await decoder.prefix(shared);
    let sequences = Array.from({ length: 24 }, (_, i) => row(i, i % 12 === 5 ? 40 : 3));
    let { kv } = await decoder.prefill(sequences, prefix);
    const every = [...sequences.keys()];
    const short = every.filter((i) => i % 12 !== 5).slice(0, 14);
    const steps: [number[], (at: number) => number][] = [
      [every, () => 1],
      // Most of the rows twice: once by many tokens, which must leave the row as it is for the other.
      [[...short, ...short], (at) => (at < 14 ? 45 : 1)],
      [every, () => 1],
      [[3, 20, 9, 5], () => 2],
    ];
    for (const [chosen, count] of steps) {
      const added = chosen.map((i, at) => tokens(i + at, count(at)));
      sequences = chosen.map((i, at) => Int32Array.of(...sequences[i]!, ...added[at]!));
      const result = await decoder.extend(
        chosen.map((i) => kv[i]!),
        added,
        2,
      );
      await expectAlone(sequences, result.logits);
      kv = result.kv as typeof kv;
    }
  });
});
