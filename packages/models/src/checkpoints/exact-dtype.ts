// The smallest type of numbers that says given numbers exactly, so that a model that came in 16 bits and was not trained is
// written in 16 bits.

import { float16Bytes } from '@ludic/graph/internal';

/** What weights are written in. */
export type ExactDtype = 'BF16' | 'F16' | 'F32';

/** Numbers that are looked at first: mostly they settle it. */
const CHUNK = 2 ** 16;

/** Not in every browser that trains. */
const hasHalves = 'Float16Array' in globalThis;

/** The type that says all numbers of all tensors. */
export function smallestDtype(tensors: readonly Float32Array[]): ExactDtype {
  if (tensors.every((numbers) => isBfloat16(numbers))) return 'BF16';
  return hasHalves && tensors.every((numbers) => isFloat16(numbers)) ? 'F16' : 'F32';
}

/** bfloat16 is the upper half of a float32. */
const isBfloat16 = (numbers: Float32Array): boolean => bitsOf(numbers).every((bits) => (bits & 0xffff) === 0);

function isFloat16(numbers: Float32Array): boolean {
  for (let at = 0; at < numbers.length; at += CHUNK) {
    const part = numbers.subarray(at, at + CHUNK);
    if (!new Float16Array(part).every((x, i) => Object.is(x, part[i]))) return false;
  }
  return true;
}

/** The bytes of numbers that `dtype` says exactly; of float32 a view. */
export function exactBytes(numbers: Float32Array, dtype: ExactDtype): Uint8Array {
  switch (dtype) {
    case 'F32':
      return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    case 'F16':
      return float16Bytes(numbers);
    case 'BF16':
      return new Uint8Array(Uint16Array.from(bitsOf(numbers), (bits) => bits >>> 16).buffer);
    default:
      return dtype satisfies never;
  }
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);
