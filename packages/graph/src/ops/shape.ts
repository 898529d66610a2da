// Joining, cutting and repeating.

import { addDimensions, type Dimension, elementCount, formatShape } from '../dimension.ts';
import { dimensionAt, type GradientRule, GraphError, shapeError, type Value } from '../graph.ts';
import { mul } from './elementwise.ts';
import { gemm } from './linear.ts';
import { reshape } from './reshape.ts';

/** Joins along `axis`. For a gradient the sizes there must be known: see `joinAt` where they are not. */
export function concat(parts: readonly Value[], axis: number): Value {
  const gradient: GradientRule = ([dy]) => {
    const sizes = parts.map((part) => dimensionAt(part, axis));
    const unknown = sizes.find((size) => typeof size === 'string');
    if (unknown) throw new GraphError('gradient', `concat: a part has the unknown size ${unknown}; use joinAt`);
    return split(dy!, axis, sizes as number[]);
  };
  return joined(parts, axis, gradient);
}

function joined(parts: readonly Value[], axis: number, gradient: GradientRule): Value {
  const first = parts[0]!;
  for (const part of parts) {
    const fits =
      part.shape.length === first.shape.length && part.shape.every((d, i) => i === axis || d === first.shape[i]);
    if (!fits) throw shapeError('concat', first, part, `do not join along axis ${axis}`);
  }
  if (parts.length === 1) return first;
  const size = parts.map((part) => dimensionAt(part, axis)).reduce(addDimensions);
  const shape = first.shape.map((dimension, i) => (i === axis ? size : dimension));
  const attributes = { axis: { int: axis } };
  return first.graph.node('Concat', parts, { type: first.type, shape }, { attributes, gradient });
}

/** The sizes that an axis is made of, known or not, and the int64 tensor that holds them at run time. */
export interface Cut {
  readonly sizes: readonly Dimension[];
  readonly at: Value;
}

/** Cuts an axis into pieces whose sizes are known only at run time. */
export function cutAt(x: Value, axis: number, cut: Cut): readonly Value[] {
  if (dimensionAt(x, axis) !== cut.sizes.reduce<Dimension>(addDimensions, 0)) {
    throw new GraphError('shape', `cutAt: axis ${axis} of ${formatShape(x.shape)} is not ${cut.sizes.join('+')}`);
  }
  const outputs = piecesOf(x, axis, cut.sizes);
  const gradient: GradientRule = (given, pieces) => [
    joinAt(
      pieces.map((piece, i) => given[i] ?? zerosLike(piece)),
      axis,
      cut,
    ),
    undefined,
  ];
  return x.graph.nodeWith('Split', [x, cut.at], outputs, { attributes: { axis: { int: axis } }, gradient });
}

const piecesOf = (x: Value, axis: number, sizes: readonly Dimension[]) =>
  sizes.map((size) => ({ type: x.type, shape: x.shape.with(axis, size) }));

/** Joins what `cutAt` cut. */
export const joinAt = (parts: readonly Value[], axis: number, cut: Cut): Value =>
  joined(parts, axis, ([dy]) => cutAt(dy!, axis, cut));

/** Cuts an axis of known size into pieces of the given sizes. */
export function split(x: Value, axis: number, sizes: readonly number[]): readonly Value[] {
  const whole = sizes.reduce((a, b) => a + b, 0);
  if (dimensionAt(x, axis) !== whole) {
    throw new GraphError('shape', `split: axis ${axis} of ${formatShape(x.shape)} is not cut by [${sizes}]`);
  }
  const outputs = piecesOf(x, axis, sizes);
  const gradient: GradientRule = (given, pieces) => {
    const filled = given.map((dy, i) => dy ?? zerosLike(pieces[i]!));
    return [concat(filled, axis)];
  };
  const attributes = { axis: { int: axis } };
  return x.graph.nodeWith('Split', [x, x.graph.integers(sizes)], outputs, { attributes, gradient });
}

/** Zeros in the shape of x, which must be finite. */
export function zerosLike(x: Value): Value {
  return mul(x, x.graph.scalar(0));
}

/** How `rows` go back to what they were taken from: `index` [rows] int32 and the same as a matrix of 0 and 1. */
export interface Spread {
  readonly index: Value;
  /** [sources, rows] float32: 1 where a row is a copy of a source. */
  readonly membership: Value;
}

/**
 * Copies of x [sources, ...] by index → [rows, ...]; unlike a pick, every source may be copied many times. At most one of
 * the inner dimensions may be unknown. The gradient sums the copies, as a matrix product.
 */
export function spreadRows(x: Value, { index, membership }: Spread): Value {
  const rows = dimensionAt(index, 0);
  if (dimensionAt(membership, 0) !== x.shape[0] || dimensionAt(membership, 1) !== rows)
    throw shapeError('spreadRows', x, membership, 'do not fit');
  const inner = x.shape.slice(1);
  const gradient: GradientRule = ([dy]) => [
    reshape(gemm(membership, reshape(dy!, [rows, elementCount(inner)])), x.shape),
    undefined,
  ];
  const output = { type: x.type, shape: [rows, ...inner] };
  return x.graph.node('Gather', [x, index], output, { attributes: { axis: { int: 0 } }, gradient });
}
