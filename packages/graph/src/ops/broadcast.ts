// Stretching axes of size 1 and summing them away again: each is the other's gradient.

import { broadcast, type Dimension, formatShape, type Shape, sameShape } from '../dimension.ts';
import { type GradientRule, GraphError, type Value } from '../graph.ts';
import { reshape } from './reshape.ts';

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** The shape of x without the reduced axes. */
export function reducedShape(x: Value, axes: readonly number[], keepDims: boolean): Shape {
  for (const axis of axes) {
    if (axis < 0 || axis >= x.shape.length)
      throw new GraphError('shape', `reduce: ${formatShape(x.shape)} has no axis ${axis}`);
  }
  const shape: Dimension[] = [];
  for (const [i, dimension] of x.shape.entries()) {
    if (!axes.includes(i)) shape.push(dimension);
    else if (keepDims) shape.push(1);
  }
  return shape;
}

/** Sum over `axes` (counted from 0); over all where none are given. */
export function sum(
  x: Value,
  axes: readonly number[] = x.shape.map((_, i) => i),
  { keepDims = false }: ReduceOptions = {},
): Value {
  if (axes.length === 0) return x;
  const kept = reducedShape(x, axes, true);
  const gradient: GradientRule = ([dy]) => [expandLike(keepDims ? dy! : reshape(dy!, kept), x)];
  const attributes = { keepdims: { int: keepDims ? 1 : 0 } };
  const shape = reducedShape(x, axes, keepDims);
  return x.graph.node('ReduceSum', [x, x.graph.integers(axes)], { type: x.type, shape }, { attributes, gradient });
}

/** Sums the stretched axes away again: from the shape of a broadcast result to that of one operand. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const stretched = broadcast(shape, x.shape);
  if (!stretched || !sameShape(stretched, x.shape)) {
    throw new GraphError('shape', `sumTo: ${formatShape(x.shape)} does not come from ${formatShape(shape)}`);
  }
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dimension, i) => (i < lead || (shape[i - lead] === 1 && dimension !== 1) ? [i] : []));
  return reshape(sum(x, axes, { keepDims: true }), shape);
}

/** x repeated along its axes of size 1 until it has the shape of `like`. */
export function expandLike(x: Value, like: Value): Value {
  if (sameShape(x.shape, like.shape)) return x;
  if (like.shape.every((dimension) => typeof dimension === 'number')) return expand(x, like.shape);
  const gradient: GradientRule = ([dy]) => [sumTo(dy!, x.shape), undefined];
  const shape = like.graph.node('Shape', [like], { type: 'int64', shape: [like.shape.length] });
  return x.graph.node('Expand', [x, shape], { type: x.type, shape: like.shape }, { gradient });
}

/** x stretched by broadcasting against a shape of known sizes; unknown dimensions of x stay. */
export function expand(x: Value, sizes: readonly Dimension[]): Value {
  const code = sizes.map((size) => (typeof size === 'number' ? size : 1));
  const shape = sizes.map((size, i) => (typeof size === 'number' && size !== 1 ? size : (x.shape[i] ?? size)));
  if (!shape.every((d, i) => d === x.shape[i] || x.shape[i] === 1)) {
    throw new GraphError('shape', `expand: ${formatShape(x.shape)} does not stretch to ${formatShape(sizes)}`);
  }
  const gradient: GradientRule = ([dy]) => [sumTo(dy!, x.shape), undefined];
  return x.graph.node('Expand', [x, x.graph.integers(code)], { type: x.type, shape }, { gradient });
}

/** Running sum along `axis`. */
export function cumulativeSum(x: Value, axis: number): Value {
  if (axis < 0 || axis >= x.shape.length)
    throw new GraphError('shape', `cumulativeSum: ${formatShape(x.shape)} has no axis ${axis}`);
  const along = x.graph.constant(BigInt64Array.of(BigInt(axis)), []);
  const backwards = { attributes: { reverse: { int: 1 } } };
  const gradient: GradientRule = ([dy]) => [x.graph.node('CumSum', [dy!, along], dy!, backwards), undefined];
  return x.graph.node('CumSum', [x, along], x, { gradient });
}
