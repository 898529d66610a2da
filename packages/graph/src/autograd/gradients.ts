// Reverse-mode differentiation: the graph grows by the nodes that compute d target / d each of `wrt`.

import { formatShape, sameShape } from '../dimension.ts';
import { GraphError, type Node, type Value } from '../graph.ts';
import { add } from '../ops/elementwise.ts';

/**
 * Gradients of a scalar with respect to values of the same graph.
 * @throws GraphError `gradient` where the target does not depend on one of them, or an operator on the way has no rule.
 */
export function gradients(target: Value, wrt: readonly Value[]): Value[] {
  if (target.shape.length !== 0)
    throw new GraphError('gradient', `the target must be a scalar, not ${formatShape(target.shape)}`);
  const { graph } = target;
  const wanted = new Set(wrt);
  const found = new Map<Value, Value>();
  const give = (value: Value, gradient: Value) => {
    const before = found.get(value);
    found.set(value, before ? add(before, gradient) : gradient);
  };

  const goBack = (nodes: readonly Node[]) => {
    for (const node of nodes)
      if (node.inputs.some((input) => wanted.has(input))) for (const output of node.outputs) wanted.add(output);
    for (const node of nodes.toReversed()) {
      if (!node.outputs.some((output) => found.has(output)) || !node.inputs.some((input) => wanted.has(input)))
        continue;
      const segment = node.outputs.find((output) => graph.checkpointed.has(output) && found.has(output));
      if (segment) {
        // The way back leads through a second computation; nothing of the first one is asked for.
        const from = graph.nodes.length;
        const gradient = found.get(segment)!;
        const again = graph.checkpointed.get(segment)!(gradient);
        const fresh = graph.nodes.slice(from);
        give(again, gradient);
        goBack(fresh);
        continue;
      }
      for (const [i, gradient] of gradientsOf(node, found).entries()) {
        const input = (node.gradientOf ?? node.inputs)[i]!;
        if (!gradient || !wanted.has(input)) continue;
        if (!sameShape(gradient.shape, input.shape)) {
          const shapes = `${formatShape(gradient.shape)} for ${formatShape(input.shape)}`;
          throw new GraphError('gradient', `${node.op}: the gradient of input ${i} has the wrong shape, ${shapes}`);
        }
        give(input, gradient);
      }
    }
  };
  give(target, graph.scalar(1));
  goBack([...graph.nodes]);

  return wrt.map((value) => {
    const gradient = found.get(value);
    if (!gradient) throw new GraphError('gradient', `${target.name} does not depend on ${value.name}`);
    return gradient;
  });
}

function gradientsOf(node: Node, found: ReadonlyMap<Value, Value>): readonly (Value | undefined)[] {
  if (!node.gradient) throw new GraphError('gradient', `${node.op} has no gradient rule`);
  return node.gradient(
    node.outputs.map((output) => found.get(output)),
    node.outputs,
  );
}
