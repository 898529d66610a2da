// Reductions beyond the plain sum, and softmax.

import type { GradientRule, Value } from '../graph.ts';
import { type ReduceOptions, reducedShape, sum } from './broadcast.ts';
import { mul, scale, sub } from './elementwise.ts';
import { reshape } from './reshape.ts';

/** Sum of squares over `axes`. */
export function sumOfSquares(x: Value, axes: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  const gradient =
    (): GradientRule =>
    ([dy]) => {
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
  return x.graph.node(
    'ReduceMax',
    [x, x.graph.integers([axis])],
    [{ type: x.type, shape: reducedShape(x, [axis], true) }],
    {
      attributes: { keepdims: { int: 1 } },
      gradient: () => () => [undefined],
    },
  )[0]!;
}

/** Softmax along the last axis. */
export function softmax(x: Value): Value {
  const axis = x.shape.length - 1;
  const gradient =
    ([y]: readonly Value[]): GradientRule =>
    ([dy]) => {
      const inner = sum(mul(dy!, y!), [axis], { keepDims: true });
      return [mul(sub(dy!, inner), y!)];
    };
  return x.graph.node('Softmax', [x], [{ type: x.type, shape: x.shape }], {
    attributes: { axis: { int: -1 } },
    gradient,
  })[0]!;
}

/** Index of the first largest element of each row of x [rows, n] → [rows] int64. Without a gradient. */
export function argmax(x: Value): Value {
  return x.graph.node('ArgMax', [x], [{ type: 'int64', shape: x.shape.slice(0, -1) }], {
    attributes: { axis: { int: -1 }, keepdims: { int: 0 } },
  })[0]!;
}
