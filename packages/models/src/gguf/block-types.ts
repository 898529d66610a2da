// How GGUF stores numbers: in blocks of a few, which share a scale. Each type is read to exactly the numbers that ggml
// computes from it. Source: ggml's quants, in whose names `d` is the scale, `m` the least number and `s` a sub-block's scale.

import { numberOfHalf } from '../checkpoints/halves.ts';

/** A type of blocks. */
interface BlockLayout {
  /** Its number in a file. */
  readonly number: number;
  /** Numbers in a block, and the bytes that they take. */
  readonly values: number;
  readonly bytes: number;
  /** Writes the numbers of whole blocks. `data` holds them from its beginning to its end. */
  readonly read: (data: Uint8Array, into: Float32Array) => void;
}

/** The types that are read, by ggml's names. */
export type BlockType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K';

/** A block's bytes at a place, as the readers below see them. */
interface Block {
  readonly data: Uint8Array;
  readonly at: number;
}

const half = ({ data, at }: Block, offset: number): number =>
  numberOfHalf(data[at + offset]! | (data[at + offset + 1]! << 8));

/** A type by how one of its blocks is read into `into` from `to` on. */
const blocks = (
  number: number,
  values: number,
  bytes: number,
  readOne: (block: Block, into: Float32Array, to: number) => void,
): BlockLayout => ({
  number,
  values,
  bytes,
  read(data, into) {
    for (let at = 0, to = 0; at < data.length; at += bytes, to += values) readOne({ data, at }, into, to);
  },
});

const singles = (number: number, bytes: number, valueAt: (data: Uint8Array, at: number) => number): BlockLayout => ({
  number,
  values: 1,
  bytes,
  read(data, into) {
    for (let at = 0, to = 0; at < data.length; at += bytes, to++) into[to] = valueAt(data, at);
  },
});

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);
const floatOfBits = (bits: number): number => {
  word[0] = bits;
  return wordAsFloat[0]!;
};

/** Four bits of each of 32 numbers: the lower halves of 16 bytes are the first 16, the upper halves the others. */
const nibble = (data: Uint8Array, at: number, i: number): number => (data[at + (i & 15)]! >> (i & 16 ? 4 : 0)) & 15;

/** The fifth bit of each of 32 numbers, from four bytes. */
const fifth = (data: Uint8Array, at: number, i: number): number => ((data[at + (i >> 3)]! >> (i & 7)) & 1) << 4;

/** Scale and least number of sub-block `j` of eight, 6 bits each in 12 bytes. */
function sixBits(data: Uint8Array, at: number, j: number): readonly [scale: number, least: number] {
  if (j < 4) return [data[at + j]! & 63, data[at + j + 4]! & 63];
  const both = data[at + j + 4]!;
  return [(both & 15) | ((data[at + j - 4]! >> 6) << 4), (both >> 4) | ((data[at + j]! >> 6) << 4)];
}

/** Q4_K and Q5_K: 256 numbers in eight sub-blocks of 32, two of which share 32 bytes. */
const superBlocks = (number: number, bytes: number, upperBits: boolean): BlockLayout =>
  blocks(number, 256, bytes, (block, into, to) => {
    const { data, at } = block;
    const d = half(block, 0);
    const m = half(block, 2);
    const lower = at + (upperBits ? 48 : 16);
    for (let j = 0; j < 8; j++) {
      const [scale, least] = sixBits(data, at + 4, j);
      for (let i = 0; i < 32; i++) {
        const four = (data[lower + (j >> 1) * 32 + i]! >> (j & 1 ? 4 : 0)) & 15;
        const upper = upperBits ? ((data[at + 16 + i]! >> j) & 1) << 4 : 0;
        into[to + j * 32 + i] = d * scale * (four | upper) - m * least;
      }
    }
  });

export const BLOCK_TYPES: Readonly<Record<BlockType, BlockLayout>> = {
  F32: singles(0, 4, (data, at) =>
    floatOfBits(data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)),
  ),
  F16: singles(1, 2, (data, at) => numberOfHalf(data[at]! | (data[at + 1]! << 8))),
  BF16: singles(30, 2, (data, at) => floatOfBits((data[at]! << 16) | (data[at + 1]! << 24))),
  Q4_0: blocks(2, 32, 18, (block, into, to) => {
    const d = half(block, 0);
    for (let i = 0; i < 32; i++) into[to + i] = d * (nibble(block.data, block.at + 2, i) - 8);
  }),
  Q4_1: blocks(3, 32, 20, (block, into, to) => {
    const d = half(block, 0);
    const m = half(block, 2);
    for (let i = 0; i < 32; i++) into[to + i] = d * nibble(block.data, block.at + 4, i) + m;
  }),
  Q5_0: blocks(6, 32, 22, (block, into, to) => {
    const { data, at } = block;
    const d = half(block, 0);
    for (let i = 0; i < 32; i++) into[to + i] = d * ((nibble(data, at + 6, i) | fifth(data, at + 2, i)) - 16);
  }),
  Q5_1: blocks(7, 32, 24, (block, into, to) => {
    const { data, at } = block;
    const d = half(block, 0);
    const m = half(block, 2);
    for (let i = 0; i < 32; i++) into[to + i] = d * (nibble(data, at + 8, i) | fifth(data, at + 4, i)) + m;
  }),
  Q8_0: blocks(8, 32, 34, (block, into, to) => {
    const d = half(block, 0);
    for (let i = 0; i < 32; i++) into[to + i] = d * ((block.data[block.at + 2 + i]! << 24) >> 24);
  }),
  Q4_K: superBlocks(12, 144, false),
  Q5_K: superBlocks(13, 176, true),
  // 256 numbers in two halves: 64 bytes of lower bits, 32 of upper ones, and a scale for each 16 numbers.
  Q6_K: blocks(14, 256, 210, (block, into, to) => {
    const { data, at } = block;
    const d = half(block, 208);
    for (let i = 0; i < 256; i++) {
      const part = i >> 7;
      const quarter = (i >> 5) & 3;
      const place = i & 31;
      const lower = data[at + part * 64 + (quarter & 1) * 32 + place]! >> (quarter & 2 ? 4 : 0);
      const upper = data[at + 128 + part * 32 + place]! >> (2 * quarter);
      const scale = (data[at + 192 + (i >> 4)]! << 24) >> 24;
      into[to + i] = d * scale * (((lower & 15) | ((upper & 3) << 4)) - 32);
    }
  }),
};

const BY_NUMBER = new Map(Object.entries(BLOCK_TYPES).map(([name, { number }]) => [number, name as BlockType]));

export const blockTypeOf = (number: number): BlockType | undefined => BY_NUMBER.get(number);

/** Bytes that are read at once, about. */
const CHUNK = 2 ** 22;

/**
 * The numbers of a tensor, from a file that is read in parts of a few MB.
 * @param read puts the file's bytes from `at` into `into`
 */
export async function readBlocks(
  { type, begin, end }: { readonly type: BlockType; readonly begin: number; readonly end: number },
  read: (at: number, into: Uint8Array) => Promise<void>,
): Promise<Float32Array> {
  const { values, bytes, read: numbersOf } = BLOCK_TYPES[type];
  const numbers = new Float32Array(((end - begin) / bytes) * values);
  if (type === 'F32') {
    await read(begin, new Uint8Array(numbers.buffer));
    return numbers;
  }
  const part = Math.floor(CHUNK / bytes) * bytes;
  const chunk = new Uint8Array(Math.min(part, end - begin));
  for (let at = begin; at < end; at += part) {
    const data = chunk.subarray(0, Math.min(part, end - at));
    await read(at, data);
    numbersOf(data, numbers.subarray(((at - begin) / bytes) * values));
  }
  return numbers;
}
