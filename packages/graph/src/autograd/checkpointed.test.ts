// What is computed twice gives the gradients of what is computed once, and is forgotten in between.

import { float32, floats, type HostTensor } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { add, checkpointed, Graph, gradients, linear, mul, serialize, silu, sum, tanh, type Value } from '../index.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });

/** x [n, 3] through two layers with one weight [3, 3]; `wrap` decides how a layer is built. */
function network(wrap: (x: Value, build: (x: Value) => Value) => Value) {
  const graph = new Graph('network');
  const x = graph.input('x', 'float32', ['n', 3]);
  const weight = graph.input('weight', 'float32', [3, 3]);
  const layer = (input: Value) => add(input, linear(silu(linear(input, weight)), weight));
  const outer = (input: Value) => tanh(wrap(wrap(input, layer), layer));
  const y = wrap(x, outer);
  const loss = sum(mul(y, y));
  const found = gradients(loss, [x, weight]);
  graph.output('x_gradient', found[0]!);
  graph.output('weight_gradient', found[1]!);
  graph.output('loss', loss);
  return graph;
}

async function run(graph: Graph): Promise<Record<string, Float32Array>> {
  const program = await runtime.load(serialize(graph));
  const outputs = await program.run({
    x: float32([0.1, -0.4, 0.3, 0.9, -0.2, 0.5], [2, 3]),
    weight: float32([0.3, 0.1, -0.5, 0.2, 0.7, -0.3, 0.4, -0.1, 0.6], [3, 3]),
  });
  await program.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, floats(tensor as HostTensor)]));
}

describe('what is checkpointed', () => {
  it('has the same gradients, also of captured values and one inside another', async () => {
    const once = await run(network((x, build) => build(x)));
    const twice = await run(network(checkpointed));
    for (const [name, values] of Object.entries(once)) {
      for (const [i, value] of values.entries()) expect(twice[name]![i]).toBeCloseTo(value, 6);
    }
  });

  it('uses nothing of the first computation in the second', () => {
    const graph = new Graph('once');
    const x = graph.input('x', 'float32', [4]);
    const y = checkpointed(x, (input) => tanh(mul(input, input)));
    const first = new Set(graph.nodes.flatMap(({ outputs }) => outputs).filter((value) => value !== y));
    const count = graph.nodes.length;
    gradients(sum(mul(y, y)), [x]);
    const used = graph.nodes.slice(count).flatMap(({ inputs }) => inputs.filter((input) => first.has(input)));
    expect(used).toEqual([]);
  });

  it('leaves a value alone that nothing was computed for', () => {
    const graph = new Graph('nothing');
    const x = graph.input('x', 'float32', [4]);
    expect(checkpointed(x, (input) => input)).toBe(x);
    expect(graph.checkpointed.size).toBe(0);
  });
});
