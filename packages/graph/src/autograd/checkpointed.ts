// Memory for time: a part of the network that is computed again when its gradient is due, so that nothing inside it has
// to be kept until then. Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).

import type { Value } from '../graph.ts';
import { scale } from '../ops/elementwise.ts';
import { reshape } from '../ops/reshape.ts';

/**
 * `build(x)`, of which only x and the result are kept for the backward pass. `build` may use any other values of the
 * graph and gets gradients through them too; it is called again by `gradients` and must then build the same.
 */
export function checkpointed(x: Value, build: (x: Value) => Value): Value {
  const { graph } = x;
  const before = graph.nodes.length;
  const y = build(x);
  const isNew = y.node && graph.nodes.indexOf(y.node, before) !== -1;
  if (isNew) graph.checkpointed.set(y, (gradient) => build(tied(x, gradient)));
  return y;
}

/**
 * x, but not before `gradient` is there: x plus nothing times one of the gradient's elements. Without it the second
 * computation would have the inputs of the first: a runtime would merge the two, or run the second long before it is
 * needed, and keep what was to be forgotten. An element that is not finite spoils x; so it does the gradients.
 */
function tied(x: Value, gradient: Value): Value {
  const { graph } = x;
  const axes = gradient.shape.map((_, axis) => axis);
  const bounds = [0, 1].map((at) => graph.integers(axes.map(() => at)));
  const corner = { type: gradient.type, shape: axes.map(() => 1) };
  const element = axes.length > 0 ? graph.node('Slice', [gradient, ...bounds], corner) : gradient;
  return graph.node('Add', [x, scale(reshape(element, []), 0)], x, { gradient: ([dx]) => [dx, undefined] });
}
