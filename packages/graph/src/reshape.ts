// The same elements under another shape or in another order.

import { elementCount, formatShape, type Shape, sameShape } from './dimension.ts';
import { dimensionAt, type GradientRule, GraphError, type Value } from './graph.ts';

/**
 * The same elements under another shape. Unknown dimensions may stay where they are and at most one may be new: more
 * would need integer arithmetic at run time, which GPUs hand back to the CPU.
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (elementCount(x.shape) !== elementCount(shape)) {
    throw new GraphError('shape', `reshape: ${formatShape(x.shape)} does not fill ${formatShape(shape)}`);
  }
  // A reshaped reshape needs only the last shape: so the way back from a flattened tensor never asks for two unknowns.
  if (x.node?.op === 'Reshape') return reshape(x.node.inputs[0]!, shape);
  const code = shape.map((dimension, i) =>
    typeof dimension === 'number' ? dimension : x.shape[i] === dimension ? 0 : -1,
  );
  if (code.filter((c) => c === -1).length > 1) {
    throw new GraphError(
      'shape',
      `reshape: more than one unknown dimension moves from ${formatShape(x.shape)} to ${formatShape(shape)}`,
    );
  }
  const gradient =
    (): GradientRule =>
    ([dy]) => [reshape(dy!, x.shape)];
  return x.graph.node('Reshape', [x, x.graph.integers(code)], [{ type: x.type, shape }], { gradient })[0]!;
}

/** Axis i of the result is axis `order[i]` of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    throw new GraphError('shape', `transpose: [${order}] is no order of the axes of ${formatShape(x.shape)}`);
  }
  if (order.every((axis, i) => axis === i)) return x;
  const inverse = order.map((_, i) => order.indexOf(i));
  const gradient =
    (): GradientRule =>
    ([dy]) => [transpose(dy!, inverse)];
  const shape = order.map((axis) => dimensionAt(x, axis));
  return x.graph.node('Transpose', [x], [{ type: x.type, shape }], {
    attributes: { perm: { ints: order } },
    gradient,
  })[0]!;
}
