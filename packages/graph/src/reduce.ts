// Sums and maxima along axes, and softmax.

import { broadcast, type Dimension, formatShape, sameShape, type Shape } from './dimension.ts';
import { mul, scale, sub } from './elementwise.ts';
import { type GradientRule, GraphError, type Value } from './graph.ts';
import { reshape, stretch } from './shape.ts';

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. */
  readonly keepDims?: boolean;
}

function reducedShape(x: Value, axes: readonly number[], keepDims: boolean): Shape {
  for (const axis of axes) {
    if (axis < 0 || axis >= x.shape.length) throw new GraphError('shape', `reduce: ${formatShape(x.shape)} has no axis ${axis}`);
  }
  const shape: Dimension[] = [];
  for (const [i, dimension] of x.shape.entries()) {
    if (!axes.includes(i)) shape.push(dimension);
    else if (keepDims) shape.push(1);
  }
  return shape;
}

/** Sum over `axes` (counted from 0); over all where none are given. */
export function sum(x: Value, axes: readonly number[] = x.shape.map((_, i) => i), { keepDims = false }: ReduceOptions = {}): Value {
  if (axes.length === 0) return x;
  const kept = reducedShape(x, axes, true);
  const gradient = (): GradientRule => ([dy]) => [stretch(keepDims ? dy! : reshape(dy!, kept), x)];
  return x.graph.node('ReduceSum', [x, x.graph.integers(axes)], [{ type: x.type, shape: reducedShape(x, axes, keepDims) }], {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    gradient,
  })[0]!;
}

/** Sum of squares over `axes`. */
export function sumOfSquares(x: Value, axes: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  const gradient = (): GradientRule => ([dy]) => {
    const kept = keepDims ? dy! : reshape(dy!, reducedShape(x, axes, true));
    return [mul(scale(x, 2), kept)];
  };
  return x.graph.node(
    'ReduceSumSquare',
    [x, x.graph.integers(axes)],
    [{ type: x.type, shape: reducedShape(x, axes, keepDims) }],
    { attributes: { keepdims: { int: keepDims ? 1 : 0 } }, gradient },
  )[0]!;
}

/** Largest element along the last axis, kept with size 1; a constant for the gradient. */
export function maxOfLast(x: Value): Value {
  const axis = x.shape.length - 1;
  return x.graph.node('ReduceMax', [x, x.graph.integers([axis])], [{ type: x.type, shape: reducedShape(x, [axis], true) }], {
    attributes: { keepdims: { int: 1 } },
    gradient: () => () => [undefined],
  })[0]!;
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

/** Softmax along the last axis. */
export function softmax(x: Value): Value {
  const axis = x.shape.length - 1;
  const gradient = ([y]: readonly Value[]): GradientRule => ([dy]) => {
    const inner = sum(mul(dy!, y!), [axis], { keepDims: true });
    return [mul(sub(dy!, inner), y!)];
  };
  return x.graph.node('Softmax', [x], [{ type: x.type, shape: x.shape }], { attributes: { axis: { int: -1 } }, gradient })[0]!;
}
