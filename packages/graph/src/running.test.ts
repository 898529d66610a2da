// The runtime's promises, on graphs of this package.

import { float32, floats, type HostTensor, int64 } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { add, Graph, serialize } from './index.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });

function sumGraph(): Uint8Array {
  const graph = new Graph('sum');
  graph.output('c', add(graph.input('a', 'float32', ['n']), graph.input('b', 'float32', ['n'])));
  return serialize(graph);
}

describe('the CPU runtime', () => {
  it('runs a graph', async () => {
    const program = await runtime.load(sumGraph());
    expect(program.inputs).toEqual(['a', 'b']);
    const { c } = await program.run({ a: float32([1, 2], [2]), b: float32([10, 20], [2]) });
    expect([...floats(c as HostTensor)]).toEqual([11, 22]);
    await program.dispose();
  });

  it('writes an output over an input', async () => {
    const program = await runtime.load(sumGraph());
    const a = float32([1, 2, 3], [3]);
    const { c } = await program.run({ a, b: float32([1, 1, 1], [3]) }, { c: a });
    expect(c).toBe(a);
    expect([...floats(a)]).toEqual([2, 3, 4]);
    await program.dispose();
  });

  it('says what is missing or wrong', async () => {
    const program = await runtime.load(sumGraph());
    await expect(program.run({ a: float32([1], [1]) })).rejects.toThrow(/input b is missing/);
    await expect(program.run({ a: float32([1, 2], [2]), b: float32([1, 2, 3], [3]) })).rejects.toMatchObject({
      code: 'run_failed',
    });
    await expect(runtime.load(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'bad_graph' });
    await expect(createRuntime({ device: 'webgpu' })).rejects.toMatchObject({ code: 'device_missing' });
  });
});

describe('int64', () => {
  it('widens whole numbers, negative ones too', () => {
    expect([...(int64([0, 5, -1, 2 ** 31 - 1], [4]).data as BigInt64Array)]).toEqual([0n, 5n, -1n, 2147483647n]);
  });
});
