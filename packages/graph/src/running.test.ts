// The runtime's promises, on graphs of this package.

import { type DeviceTensor, float32, floats, type HostTensor, int32, int64, ResidentTensors } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../runtime/testing/gpu.ts';
import { add, Graph, serialize } from './index.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const gpu = await openGpu();

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
    // One of these two is always missing.
    const foreign = process.platform === 'win32' ? 'coreml' : 'dml';
    await expect(createRuntime({ device: foreign })).rejects.toMatchObject({ code: 'device_missing' });
  });
});

describe.skipIf(!gpu)('the WebGPU runtime', () => {
  it('keeps outputs on the device, feeds them to other programs, and brings them back', async () => {
    const program = await gpu!.load(sumGraph(), { keepOnDevice: ['c'] });
    const { c } = await program.run({ a: float32([1, 2], [2]), b: float32([10, 20], [2]) });
    expect(c).toMatchObject({ location: 'device', type: 'float32', dims: [2] });
    const again = await gpu!.load(sumGraph());
    const twice = await again.run({ a: c!, b: c! });
    expect([...floats(twice.c as HostTensor)]).toEqual([22, 44]);
    expect([...floats(await gpu!.download(c!))]).toEqual([11, 22]);
  });

  it('carries numbers there and back', async () => {
    for (const tensor of [float32([1.5, -2], [2]), int32([3, -4], [1, 2])]) {
      const there = await gpu!.upload(tensor);
      expect(there.location).toBe('device');
      expect(await gpu!.download(there)).toEqual(tensor);
    }
  });

  it('refuses a tensor that was freed', async () => {
    const there = (await gpu!.upload(float32([1], [1]))) as DeviceTensor;
    there.dispose();
    await expect(gpu!.download(there)).rejects.toMatchObject({ code: 'run_failed' });
  });

  it('replaces resident tensors by outputs, and copies them apart', async () => {
    const resident = await ResidentTensors.of(gpu!, { x: float32([1, 2], [2]) });
    const copy = await resident.copy();
    const program = await gpu!.load(sumGraph(), { keepOnDevice: ['c'] });
    const { c } = await program.run({ a: resident.inputs().x!, b: float32([1, 1], [2]) });
    resident.take({ 'next.x': c! }, 'next.');
    expect([...floats((await resident.download()).x!)]).toEqual([2, 3]);
    expect([...floats((await copy.download()).x!)]).toEqual([1, 2]);
    await copy.set({ x: float32([7, 8], [2]) });
    expect([...floats((await copy.download()).x!)]).toEqual([7, 8]);
  });
});

describe('int64', () => {
  it('widens whole numbers, negative ones too', () => {
    expect([...(int64([0, 5, -1, 2 ** 31 - 1], [4]).data as BigInt64Array)]).toEqual([0n, 5n, -1n, 2147483647n]);
  });
});
