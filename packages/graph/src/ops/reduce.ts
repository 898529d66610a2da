// Reductions beyond the plain sum, and softmax.

import type { GradientRule, Value } from '../graph.ts';
import { type ReduceOptions, reducedShape, sum } from './broadcast.ts';
import { mul, scale, sub } from './elementwise.ts';
import { reshape } from './reshape.ts';

/** Sum of squares over `axes`. */
export function sumOfSquares(x: Value, axes: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  const gradient: GradientRule = ([dy]) => {
    const kept = keepDims ? dy! : reshape(dy!, reducedShape(x, axes, true));
    return [mul(scale(x, 2), kept)];
  };
  const attributes = { keepdims: { int: keepDims ? 1 : 0 } };
  const output = { type: x.type, shape: reducedShape(x, axes, keepDims) };
  return x.graph.node('ReduceSumSquare', [x, x.graph.integers(axes)], output, { attributes, gradient });
}

/** Largest element along the last axis, kept with size 1; a constant for the gradient. */
export function maxOfLast(x: Value): Value {
  const axis = x.shape.length - 1;
  const output = { type: x.type, shape: reducedShape(x, [axis], true) };
  return x.graph.node('ReduceMax', [x, x.graph.integers([axis])], output, {
    attributes: { keepdims: { int: 1 } },
    gradient: () => [undefined],
  });
}

/** Softmax along the last axis. */
export function softmax(x: Value): Value {
  const axis = x.shape.length - 1;
  const gradient: GradientRule = ([dy], [y]) => {
    const inner = sum(mul(dy!, y!), [axis], { keepDims: true });
    return [mul(sub(dy!, inner), y!)];
  };
  return x.graph.node('Softmax', [x], x, { attributes: { axis: { int: -1 } }, gradient });
}

/** Index of the first largest element of each row of x [rows, n] → [rows] int64. Without a gradient. */
export function argmax(x: Value): Value {
  const output = { type: 'int64', shape: x.shape.slice(0, -1) } as const;
  return x.graph.node('ArgMax', [x], output, { attributes: { axis: { int: -1 }, keepdims: { int: 0 } } });
}
