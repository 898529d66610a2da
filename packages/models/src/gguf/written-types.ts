// Numbers to the blocks that are written. Source: ggml's quants.

import { float16Bytes, LARGEST_FLOAT16 } from '@ludic/graph/internal';
import { BLOCK_TYPES, type BlockType } from './block-types.ts';

/** The types that are written. */
export type WrittenType = Extract<BlockType, 'F32' | 'F16' | 'Q8_0'>;

interface Writing {
  /** The largest number that it can say. */
  readonly largest: number;
  /** The bytes of whole rows. */
  readonly write: (numbers: Float32Array) => Uint8Array;
}

const STEPS = 127;

export const WRITTEN_TYPES: Readonly<Record<WrittenType, Writing>> = {
  F32: {
    largest: 2 ** 128,
    write: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  },
  F16: { largest: LARGEST_FLOAT16, write: float16Bytes },
  Q8_0: { largest: LARGEST_FLOAT16 * STEPS, write: eightBits },
};

/** The largest number of a block is 127 steps; each number is the nearest step. */
function eightBits(numbers: Float32Array): Uint8Array {
  const { values, bytes } = BLOCK_TYPES.Q8_0;
  const count = numbers.length / values;
  const steps = new Float32Array(count);
  const data = new Uint8Array(count * bytes);
  for (let block = 0; block < count; block++) {
    const own = numbers.subarray(block * values, (block + 1) * values);
    const step = Math.fround(own.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / STEPS);
    const inverse = step === 0 ? 0 : Math.fround(1 / step);
    steps[block] = step;
    for (let i = 0; i < values; i++) {
      const scaled = Math.fround(own[i]! * inverse);
      // Halves away from zero.
      data[block * bytes + 2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
    }
  }
  const halves = float16Bytes(steps);
  for (let block = 0; block < count; block++) data.set(halves.subarray(2 * block, 2 * block + 2), block * bytes);
  return data;
}
