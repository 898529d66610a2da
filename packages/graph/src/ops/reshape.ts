// The same elements under another shape or in another order.

import { elementCount, formatShape, multiplyDimensions, type Shape, sameShape } from '../dimension.ts';
import { dimensionAt, type GradientRule, GraphError, type Value } from '../graph.ts';

/**
 * The same elements under another shape. Unknown dimensions may stay where they are and at most one may be new: more
 * would need integer arithmetic at run time, which GPUs hand back to the CPU.
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (elementCount(x.shape) !== elementCount(shape)) {
    throw new GraphError('shape', `reshape: ${formatShape(x.shape)} does not fill ${formatShape(shape)}`);
  }
  const codeFrom = (from: Value) =>
    shape.map((dimension, i) => (typeof dimension === 'number' ? dimension : from.shape[i] === dimension ? 0 : -1));
  const unknown = (code: readonly number[]) => code.filter((c) => c === -1).length;
  // A reshaped reshape needs only the last shape: so the way back from a flattened tensor never asks for two unknowns.
  const source = x.node?.op === 'Reshape' ? x.node.inputs[0]! : undefined;
  if (source && unknown(codeFrom(source)) <= 1) return reshape(source, shape);
  const code = codeFrom(x);
  if (unknown(code) > 1) {
    throw new GraphError(
      'shape',
      `reshape: more than one unknown dimension moves from ${formatShape(x.shape)} to ${formatShape(shape)}`,
    );
  }
  const gradient: GradientRule = ([dy]) => [reshape(dy!, x.shape)];
  return x.graph.node('Reshape', [x, x.graph.integers(code)], { type: x.type, shape }, { gradient });
}

/**
 * x [a·b, ...] with its first axis cut into the two that begin the shape of `like` [a, b, ...]: where both are unknown
 * until the graph runs.
 */
export function unflatten(x: Value, like: Value): Value {
  const [a, b] = [dimensionAt(like, 0), dimensionAt(like, 1)];
  if (multiplyDimensions(a, b) !== x.shape[0]) {
    throw new GraphError('shape', `unflatten: ${formatShape(x.shape)} does not fit ${formatShape(like.shape)}`);
  }
  const { graph } = x;
  const rest = x.shape.slice(1);
  if (!rest.every((dimension) => typeof dimension === 'number'))
    throw new GraphError('shape', `unflatten: the inner axes of ${formatShape(x.shape)} must be known`);
  const first = sizesAt(like, 0, 2);
  const code = { type: 'int64', shape: [2 + rest.length] } as const;
  const shape = graph.node('Concat', [first, graph.integers(rest)], code, { attributes: { axis: { int: 0 } } });
  const gradient: GradientRule = ([dy]) => [reshape(dy!, x.shape), undefined];
  return graph.node('Reshape', [x, shape], { type: x.type, shape: [a, b, ...rest] }, { gradient });
}

/** Sizes of the axes from `start` to before `end` as they are when the graph runs: [end − start] int64. */
export function sizesAt(x: Value, start: number, end: number): Value {
  const attributes = { start: { int: start }, end: { int: end } };
  return x.graph.node('Shape', [x], { type: 'int64', shape: [end - start] }, { attributes });
}

/** Axis i of the result is axis `order[i]` of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    throw new GraphError('shape', `transpose: [${order}] is no order of the axes of ${formatShape(x.shape)}`);
  }
  if (order.every((axis, i) => axis === i)) return x;
  const before = x.node?.attributes.perm;
  if (x.node?.op === 'Transpose' && typeof before === 'object' && 'ints' in before) {
    return transpose(
      x.node.inputs[0]!,
      order.map((axis) => before.ints[axis]!),
    );
  }
  const inverse = order.map((_, i) => order.indexOf(i));
  const gradient: GradientRule = ([dy]) => [transpose(dy!, inverse)];
  const shape = order.map((axis) => dimensionAt(x, axis));
  return x.graph.node('Transpose', [x], { type: x.type, shape }, { attributes: { perm: { ints: order } }, gradient });
}
