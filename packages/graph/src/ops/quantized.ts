// Products with weights of four or eight bits a number, in blocks that share a scale. Two ways: ONNX Runtime takes blocks
// that are part of the graph apart while it multiplies; blocks that come in as inputs are turned into float32 first, which
// has a gradient.

import { type Dimension, formatShape } from '../dimension.ts';
import { dimensionAt, GraphError, type Value } from '../graph.ts';
import { expand } from './broadcast.ts';
import { add, cast, less, mul, scale, sub } from './elementwise.ts';
import { take } from './gather.ts';
import { gemm } from './linear.ts';
import { reshape } from './reshape.ts';
import { concat } from './shape.ts';

/**
 * Products may be taken in whole numbers, with x in eight bits a number and a scale for each block: measured, one row is
 * five times as fast on a CPU and logits err by 2 % more than four-bit weights make them err.
 */
const INT8 = 4;

/** A weight [out, in] in blocks along `in`: number = (q − zero point) · scale, q being a whole number of `bits` bits. */
export interface PackedWeight {
  readonly out: number;
  readonly in: number;
  readonly bits: 4 | 8;
  /** Numbers that share a scale: a power of two from 16. */
  readonly blockSize: number;
  /** [out, blocks, blockSize · bits / 8] uint8; of four bits the lower nibble is first. */
  readonly packed: Value;
  /** [out, blocks] float32 */
  readonly scales: Value;
  /** [out, ⌈blocks · bits / 8⌉] uint8, packed as the numbers are; where there is none it is the middle, 2^(bits − 1). */
  readonly zeroPoints?: Value;
}

/** x [tokens, in] through a weight that is part of the graph → [tokens, out]. It has no gradient. */
export function packedLinear(x: Value, weight: PackedWeight): Value {
  const { out, in: width, bits, blockSize, packed, scales, zeroPoints } = weight;
  const blocks = Math.ceil(width / blockSize);
  const fits =
    dimensionAt(x, -1) === width &&
    packed.shape.join() === [out, blocks, (blockSize * bits) / 8].join() &&
    scales.shape.join() === [out, blocks].join() &&
    (!zeroPoints || zeroPoints.shape.join() === [out, Math.ceil((blocks * bits) / 8)].join());
  if (!fits) {
    throw new GraphError('shape', `packedLinear: ${formatShape(x.shape)} and a weight of ${out}×${width} do not fit`);
  }
  const shape: Dimension[] = [...x.shape.slice(0, -1), out];
  const attributes = {
    K: { int: width },
    N: { int: out },
    bits: { int: bits },
    block_size: { int: blockSize },
    accuracy_level: { int: INT8 },
  };
  const inputs = [x, packed, scales, ...(zeroPoints ? [zeroPoints] : [])];
  return x.graph.node('MatMulNBits', inputs, { type: x.type, shape }, { domain: 'com.microsoft', attributes });
}

/** Numbers of a `BlockWeight` that share a scale. */
export const BLOCK_SIZE = 32;

/**
 * A weight [out, in] that comes in as blocks of `BLOCK_SIZE` along `in`: number = (q − 2^(bits − 1)) · scale. `in` is a
 * multiple of the block, and of four bits `out` is even.
 */
export interface BlockWeight {
  readonly out: number;
  readonly in: number;
  readonly bits: 4 | 8;
  /** uint8: of eight bits [out, in]; of four [out / 2, in], where the lower nibble is of the first half of the rows. */
  readonly blocks: Value;
  /** [out, in / BLOCK_SIZE] float32 */
  readonly scales: Value;
}

/** x [tokens, in] through a weight in blocks → [tokens, out], and the gradient of x. The weight has none. */
export function blockLinear(x: Value, weight: BlockWeight): Value {
  const { out, in: width } = weight;
  if (dimensionAt(x, -1) !== width)
    throw new GraphError('shape', `blockLinear: ${formatShape(x.shape)} and a weight of ${out}×${width} do not fit`);
  return x.graph.node(
    'Gemm',
    [x, asFloats(weight, 'forward')],
    { type: x.type, shape: [dimensionAt(x, 0), out] },
    {
      attributes: { transB: { int: 1 } },
      // The float32 weight is made again: kept until then, those of all layers would be in memory at once.
      gradient: ([dy]) => [gemm(dy!, asFloats(weight, 'backward'))],
      gradientOf: [x],
    },
  );
}

/** Rows of a weight in blocks by `indices` [n] int32 → [n, in]. They have no gradient. */
export function blockRows(weight: BlockWeight, indices: Value): Value {
  const { graph } = indices;
  const { out, in: width, bits, blocks, scales } = weight;
  const own = { out: dimensionAt(indices, 0), in: width, bits };
  const steps = take(scales, indices, 0);
  if (bits === 8) return scaled(cast(take(blocks, indices, 0), 'float32'), steps, own);
  const half = graph.constant(Int32Array.of(out / 2), []);
  const isLower = cast(less(indices, half), 'int32');
  const one = graph.constant(Int32Array.of(1), []);
  const row = sub(indices, mul(sub(one, isLower), half));
  const { low, high } = nibbles(cast(take(blocks, row, 0), 'float32'));
  const share = reshape(cast(isLower, 'float32'), [own.out, 1]);
  return scaled(add(mul(low, share), mul(high, sub(graph.scalar(1), share))), steps, own);
}

/**
 * The weight as float32, [out, in]. The two ways give the same numbers in other shapes, so that a runtime does not merge
 * them: it would keep what the first has made for the second.
 */
function asFloats(weight: BlockWeight, way: 'forward' | 'backward'): Value {
  const { out, in: width, bits, blocks, scales } = weight;
  const { graph } = blocks;
  const perRow = way === 'forward' ? width / BLOCK_SIZE : 1;
  const rows = (out * width) / BLOCK_SIZE / perRow;
  const numbers = bits === 8 ? blocks : wholeBytes(blocks, way);
  const middle = expand(graph.constant(Uint8Array.of(2 ** (bits - 1)), [1, 1]), [rows, perRow]);
  const inputs = [reshape(numbers, [rows, perRow * BLOCK_SIZE]), reshape(scales, [rows, perRow]), middle];
  const attributes = { axis: { int: 1 }, block_size: { int: BLOCK_SIZE } };
  const values = { type: 'float32', shape: [rows, perRow * BLOCK_SIZE] } as const;
  return reshape(graph.node('DequantizeLinear', inputs, values, { attributes }), [out, width]);
}

/** Of four bits, the numbers of the lower halves and then of the upper: bytes [half, in] → [2 · half, in]. */
function wholeBytes(blocks: Value, way: 'forward' | 'backward'): Value {
  const { graph } = blocks;
  const [half, width] = blocks.shape as [number, number];
  const shape = way === 'forward' ? [half, width] : [half * width];
  const bytes = reshape(blocks, shape);
  const low = graph.node('BitwiseAnd', [bytes, graph.constant(Uint8Array.of(15), [])], bytes);
  const shift = { attributes: { direction: 'RIGHT' } };
  const high = graph.node('BitShift', [bytes, graph.constant(Uint8Array.of(4), [])], bytes, shift);
  return concat([low, high], 0);
}

/** (q − middle) · scale of whole blocks, given as float32 → [out, in]. */
function scaled(
  numbers: Value,
  scales: Value,
  { out, in: width, bits }: { readonly out: Dimension; readonly in: number; readonly bits: 4 | 8 },
): Value {
  const blocks = [out, width / BLOCK_SIZE];
  const centred = sub(reshape(numbers, [...blocks, BLOCK_SIZE]), numbers.graph.scalar(2 ** (bits - 1)));
  return reshape(mul(centred, reshape(scales, [...blocks, 1])), [out, width]);
}

/** The two numbers of each byte, given as float32. */
function nibbles(bytes: Value): { readonly low: Value; readonly high: Value } {
  const high = bytes.graph.node('Floor', [scale(bytes, 1 / 16)], bytes);
  return { low: sub(bytes, scale(high, 16)), high };
}
