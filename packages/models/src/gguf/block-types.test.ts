// Blocks of each type, to the bit as Python's gguf reads them. `tests/python_gguf.py` makes the fixture anew.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_TYPES, type BlockType, readBlocks } from './block-types.ts';
import { WRITTEN_TYPES, type WrittenType } from './written-types.ts';

type Golden = Readonly<Record<BlockType, { readonly bytes: string; readonly numbers: string }>>;
const golden: Golden = JSON.parse(readFileSync(new URL('../../fixtures/gguf-blocks.json', import.meta.url), 'utf8'));
const TYPES = Object.keys(BLOCK_TYPES) as BlockType[];

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);

it('has golden numbers for every type', () => {
  expect(Object.keys(golden)).toEqual(TYPES);
});

describe.each(TYPES)('a tensor of type %s', (type) => {
  const data = bytesOf(golden[type].bytes);

  it('holds the numbers that gguf reads, wherever it lies in the file', async () => {
    const before = 13;
    const numbers = await readBlocks({ type, begin: before, end: before + data.length }, async (at, into) => {
      into.set(data.subarray(at - before, at - before + into.length));
    });
    expect(numbers).toEqual(floatsOf(golden[type].numbers));
  });

  it('is read in parts, each with whole blocks', async () => {
    const { bytes } = BLOCK_TYPES[type];
    const times = Math.ceil(9e6 / data.length);
    const parts: number[] = [];
    const numbers = await readBlocks({ type, begin: 0, end: times * data.length }, async (at, into) => {
      parts.push(into.length);
      for (let i = 0; i < into.length; i++) into[i] = data[(at + i) % data.length]!;
    });
    const one = floatsOf(golden[type].numbers);
    expect(numbers.length).toBe(times * one.length);
    expect(numbers.subarray(-one.length)).toEqual(one);
    if (type !== 'F32') {
      expect(Math.max(...parts)).toBeLessThanOrEqual(2 ** 22);
      expect(parts.every((length) => length % bytes === 0)).toBe(true);
    }
  });
});

describe.each(Object.keys(WRITTEN_TYPES) as WrittenType[])('numbers written as %s', (type) => {
  const { values, read } = BLOCK_TYPES[type];
  const written = (numbers: Float32Array) => {
    const found = new Float32Array(numbers.length);
    read(WRITTEN_TYPES[type].write(numbers), found);
    return found;
  };

  it('are read as they were where the type can say them', () => {
    const numbers = Float32Array.from({ length: 4 * values }, (_, i) => (i % 2 ? 127 : -127) * 2 ** -(i >> 5));
    expect(written(numbers)).toEqual(numbers);
    expect(written(new Float32Array(values))).toEqual(new Float32Array(values));
  });

  it('are off by half a step at most', () => {
    const numbers = Float32Array.from({ length: 8 * 32 }, (_, i) => Math.sin(i * i) * 10 ** (i % 5));
    const found = written(numbers);
    for (let i = 0; i < numbers.length; i++) {
      const block = numbers.subarray(i & ~31, (i & ~31) + 32);
      const step = { F32: 0, F16: Math.abs(numbers[i]!) * 2 ** -10, Q8_0: Math.max(...block.map(Math.abs)) / 127 }[
        type
      ];
      // The step itself is rounded to 11 bits.
      expect(Math.abs(found[i]! - numbers[i]!)).toBeLessThanOrEqual(
        step * (0.5 + (type === 'Q8_0' ? 127 * 2 ** -11 : 0)),
      );
    }
  });
});
