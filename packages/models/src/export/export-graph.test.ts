// The exported file against the golden logits of small models, whole, piece by piece, and padded on either side.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { float32, floats, type HostTensor, int64 } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { buildExport, readCheckpoint, readSafetensors, toFloat32 } from '../index.ts';
import { openModelFolder } from '../node.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });

async function exported(name: string) {
  const folder = fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
  const { config, parameters } = await readCheckpoint(await openModelFolder(folder));
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder}/golden.safetensors`)));
  const program = await runtime.load(buildExport(config, parameters));
  const ids = Array.from(new BigInt64Array(tensors.get('input_ids')!.data.slice().buffer), Number);
  const logits = toFloat32(tensors.get('logits')!);
  const { layers, kvHeads, headDim, vocabSize } = config;
  const emptyCache = (rows: number) =>
    Object.fromEntries(
      Array.from({ length: layers }, (_, layer) => ['key', 'value'].map((kind) => `${layer}.${kind}`))
        .flat()
        .map((name) => [name, float32([], [rows, kvHeads, 0, headDim])]),
    );
  /** Feeds rows of ids under a mask over cache and ids; returns logits and the grown cache. */
  const run = async (rows: number[][], mask: number[][], cache: Record<string, HostTensor>) => {
    const length = rows[0]!.length;
    const positions = mask.map((row) => {
      let seen = -1;
      return row.map((bit) => Math.max(0, (seen += bit))).slice(-length);
    });
    const dims = [rows.length, length];
    const outputs = (await program.run({
      input_ids: int64(rows.flat(), dims),
      attention_mask: int64(mask.flat(), [rows.length, mask[0]!.length]),
      position_ids: int64(positions.flat(), dims),
      ...Object.fromEntries(Object.entries(cache).map(([name, tensor]) => [`past_key_values.${name}`, tensor])),
    })) as Record<string, HostTensor>;
    const grown = Object.fromEntries(Object.keys(cache).map((name) => [name, outputs[`present.${name}`]!]));
    return { logits: floats(outputs.logits!), cache: grown };
  };
  return { ids, logits, vocabSize, run, emptyCache };
}

function worst(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
}

const ones = (n: number) => new Array<number>(n).fill(1);

describe.each(['llama-tiny', 'smollm-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'])(
  'the exported %s',
  (name) => {
    it('gives the golden logits', async () => {
      const { ids, logits, run, emptyCache } = await exported(name);
      const result = await run([ids.slice(0, 11), ids.slice(11)], [ones(11), ones(11)], emptyCache(2));
      expect(worst(result.logits, logits)).toBeLessThan(5e-5);
    });

    it('goes on from its cache', async () => {
      const { ids, logits, vocabSize, run, emptyCache } = await exported(name);
      const first = await run([ids.slice(0, 4)], [ones(4)], emptyCache(1));
      const second = await run([ids.slice(4, 10)], [ones(10)], first.cache);
      const third = await run([ids.slice(10, 11)], [ones(11)], second.cache);
      const joined = Float32Array.from([first, second, third].flatMap((part) => [...part.logits]));
      expect(worst(joined, logits.subarray(0, 11 * vocabSize))).toBeLessThan(5e-5);
    });

    it('sees no padding on the left or on the right', async () => {
      const { ids, logits, vocabSize, run, emptyCache } = await exported(name);
      const pad = [7, 7, 7];
      const rows = [
        [...pad, ...ids.slice(0, 8)],
        [...ids.slice(0, 8), ...pad],
      ];
      const masks = [
        [0, 0, 0, ...ones(8)],
        [...ones(8), 0, 0, 0],
      ];
      const result = await run(rows, masks, emptyCache(2));
      const expected = logits.subarray(0, 8 * vocabSize);
      expect(worst(result.logits.subarray(3 * vocabSize, 11 * vocabSize), expected)).toBeLessThan(5e-5);
      expect(worst(result.logits.subarray(11 * vocabSize, 19 * vocabSize), expected)).toBeLessThan(5e-5);
    });
  },
);
