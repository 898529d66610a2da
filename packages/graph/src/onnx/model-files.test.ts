// Models in one file and in several say the same.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, describe, expect, it } from 'vitest';
import { add, type ByteStream, cast, Graph, modelFiles, mul, serialize } from '../index.ts';
import { float16Bytes } from '../internal.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-model-files-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SIZE = 3000;
const numbers = (seed: number) => Float32Array.from({ length: SIZE }, (_, i) => Math.sin(seed + i));

/** x · a + b + c + 0.5, with a held, b made when it is written, c in float16. */
function threeConstants() {
  const graph = new Graph('constants');
  const x = graph.input('x', 'float32', [SIZE]);
  const a = graph.constant(numbers(1), [SIZE]);
  const b = graph.deferred('float32', [SIZE], () => new Uint8Array(numbers(2).buffer));
  const c = cast(
    graph.deferred('float16', [SIZE], () => float16Bytes(numbers(3))),
    'float32',
  );
  graph.output('y', add(add(add(mul(x, a), b), c), graph.scalar(0.5)));
  return graph;
}
const expected = Array.from(
  numbers(1),
  (a, i) => 2 * a + numbers(2)[i]! + new Float16Array(numbers(3).subarray(i, i + 1))[0]! + 0.5,
);

const joined = (pieces: ByteStream) => Buffer.concat([...pieces]);

describe('modelFiles', () => {
  it('writes a small model as one file, the bytes of serialize', () => {
    const files = modelFiles(threeConstants(), 'model.onnx');
    expect([...files.keys()]).toEqual(['model.onnx']);
    const bytes = joined(files.get('model.onnx')!);
    expect(bytes.equals(serialize(threeConstants()))).toBe(true);
    // Again, from the same stream.
    expect(joined(files.get('model.onnx')!).equals(bytes)).toBe(true);
  });

  it('keeps large constants beside it at whole pages, in files no larger than asked', async () => {
    const files = modelFiles(threeConstants(), 'model.onnx', { largestFile: 20_000 });
    const sizes = [...files].map(([name, pieces]) => [name, joined(pieces).length]);
    // 12,000 bytes of a; then b would end at 12,288 + 12,000; c, of 6,000, follows b.
    expect(sizes.slice(1)).toEqual([
      ['model.onnx_data', 12_000],
      ['model.onnx_data_1', 12_288 + 6000],
    ]);
    expect(sizes[0]![1]).toBeLessThan(1500);
    for (const [name, pieces] of files) writeFileSync(join(scratch, name), joined(pieces));
    const runtime = await createRuntime({ device: 'cpu', threads: 1 });
    // ONNX Runtime finds the files beside a model that it opens by its path.
    const program = await runtime.load(join(scratch, 'model.onnx') as unknown as Uint8Array);
    const { y } = await program.run({ x: float32(new Float32Array(SIZE).fill(2), [SIZE]) });
    const actual = floats(y as HostTensor);
    for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-6);
    await program.dispose();
  });

  it('refuses bytes that do not fill their shape', () => {
    const graph = new Graph('short');
    graph.output(
      'y',
      graph.deferred('float16', [5], () => new Uint8Array(8)),
    );
    expect(() => serialize(graph)).toThrow('8 bytes for float16 [5]');
  });
});
