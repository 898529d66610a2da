// Reverse-mode differentiation: the graph grows by the nodes that compute d target / d each of `wrt`.

import { formatShape, sameShape } from './dimension.ts';
import { add } from './elementwise.ts';
import { GraphError, type Node, type Value } from './graph.ts';

/**
 * Gradients of a scalar with respect to values of the same graph.
 * @throws GraphError `gradient` where the target does not depend on one of them, or an operator on the way has no rule.
 */
export function gradients(target: Value, wrt: readonly Value[]): Value[] {
  if (target.shape.length !== 0)
    throw new GraphError('gradient', `the target must be a scalar, not ${formatShape(target.shape)}`);
  const graph = target.graph;
  const nodes = [...graph.nodes];
  const wanted = new Set(wrt);
  for (const node of nodes)
    if (node.inputs.some((input) => wanted.has(input))) for (const o of node.outputs) wanted.add(o);

  const found = new Map<Value, Value>([[target, graph.scalar(1)]]);
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((output) => found.has(output)) || !node.inputs.some((input) => wanted.has(input))) continue;
    for (const [i, gradient] of gradientsOf(node, found).entries()) {
      const input = node.inputs[i]!;
      if (!gradient || !wanted.has(input)) continue;
      if (!sameShape(gradient.shape, input.shape)) {
        const shapes = `${formatShape(gradient.shape)} for ${formatShape(input.shape)}`;
        throw new GraphError('gradient', `${node.op}: the gradient of input ${i} has the wrong shape, ${shapes}`);
      }
      const before = found.get(input);
      found.set(input, before ? add(before, gradient) : gradient);
    }
  }
  return wrt.map((value) => {
    const gradient = found.get(value);
    if (!gradient) throw new GraphError('gradient', `${target.name} does not depend on ${value.name}`);
    return gradient;
  });
}

function gradientsOf(node: Node, found: ReadonlyMap<Value, Value>): readonly (Value | undefined)[] {
  if (!node.gradient) throw new GraphError('gradient', `${node.op} has no gradient rule`);
  return node.gradient(node.outputs.map((output) => found.get(output)));
}
