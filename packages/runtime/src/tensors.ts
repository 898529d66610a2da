// Short ways to make host tensors.

import type { HostTensor } from './contract.ts';

/** A float32 tensor; a Float32Array is taken over, not copied. */
export const float32 = (data: Float32Array | readonly number[], dims: readonly number[]): HostTensor => ({
  location: 'host',
  type: 'float32',
  dims,
  data: data instanceof Float32Array ? data : Float32Array.from(data),
});

/** A float32 tensor of shape []. */
export const scalar = (value: number): HostTensor => float32([value], []);

/** Indices: most operators take them with 32 bits, and a GPU computes with no other integers. */
export const int32 = (data: Int32Array | readonly number[], dims: readonly number[]): HostTensor => ({
  location: 'host',
  type: 'int32',
  dims,
  data: data instanceof Int32Array ? data : Int32Array.from(data),
});

/** Sizes and rotary positions, for which ONNX wants 64 bits. */
export function int64(data: ArrayLike<number>, dims: readonly number[]): HostTensor {
  const wide = new BigInt64Array(data.length);
  // Writing the halves of each word is several times faster than converting every number to a bigint.
  const halves = new Int32Array(wide.buffer);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    halves[2 * i] = value;
    halves[2 * i + 1] = value < 0 ? -1 : 0;
  }
  return { location: 'host', type: 'int64', dims, data: wide };
}

/** A float32 tensor of zeros. */
export const zeros = (dims: readonly number[]): HostTensor =>
  float32(new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);

/** The numbers of a float32 tensor. */
export function floats(tensor: HostTensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new TypeError(`a float32 tensor expected, not ${tensor.type}`);
  return tensor.data;
}
