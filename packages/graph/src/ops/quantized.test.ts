// Weights in blocks against the float32 numbers that they stand for.

import { float32, floats, type HostTensor, int32 } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { Graph, gemm, gradients, mul, serialize, sum } from '../index.ts';
import { BLOCK_SIZE, type BlockWeight, blockLinear, blockRows, packedLinear } from '../internal.ts';

const cpu = await createRuntime({ device: 'cpu', threads: 1 });
const [OUT, IN, TOKENS] = [6, 64, 5];

const bytes = (data: Uint8Array, dims: readonly number[]): HostTensor => ({
  location: 'host',
  type: 'uint8',
  dims,
  data,
});

/** A weight of whole numbers q and scales: as blocks, as ONNX Runtime packs them, and as float32. */
function weightOf(bits: 4 | 8) {
  const q = Uint8Array.from({ length: OUT * IN }, (_, i) => (i * 7 + (i >> 3) * 5) % 2 ** bits);
  const scales = Float32Array.from({ length: (OUT * IN) / BLOCK_SIZE }, (_, i) => 0.25 + i / 16);
  const half = q.length / 2;
  const pairs = (first: (i: number) => number, second: (i: number) => number) =>
    Uint8Array.from({ length: half }, (_, i) => q[first(i)]! | (q[second(i)]! << 4));
  const whole = bits === 8;
  const values = Float32Array.from(q, (x, i) => (x - 2 ** (bits - 1)) * scales[Math.floor(i / BLOCK_SIZE)]!);
  return {
    blocks: whole
      ? bytes(q, [OUT, IN])
      : bytes(
          pairs(
            (i) => i,
            (i) => half + i,
          ),
          [OUT / 2, IN],
        ),
    packed: whole
      ? q
      : pairs(
          (i) => 2 * i,
          (i) => 2 * i + 1,
        ),
    scales: float32(scales, [OUT, IN / BLOCK_SIZE]),
    values: float32(values, [OUT, IN]),
  };
}

/** Its blocks as inputs of a graph. */
const declared = (
  graph: Graph,
  bits: 4 | 8,
  { blocks, scales }: Pick<ReturnType<typeof weightOf>, 'blocks' | 'scales'>,
): BlockWeight => ({
  out: OUT,
  in: IN,
  bits,
  blocks: graph.input('blocks', 'uint8', blocks.dims),
  scales: graph.input('scales', 'float32', scales.dims),
});

const x = float32(
  Float32Array.from({ length: TOKENS * IN }, (_, i) => Math.sin(i)),
  [TOKENS, IN],
);
const dy = float32(
  Float32Array.from({ length: TOKENS * OUT }, (_, i) => Math.cos(3 * i)),
  [TOKENS, OUT],
);

async function run(graph: Graph, inputs: Record<string, HostTensor>) {
  const program = await cpu.load(serialize(graph));
  const outputs = await program.run(inputs);
  await program.dispose();
  return (name: string) => floats(outputs[name] as HostTensor);
}

function expectClose(found: Float32Array, expected: Float32Array, share: number): void {
  const size = (numbers: Iterable<number>) => Math.sqrt(Array.from(numbers, (n) => n * n).reduce((a, b) => a + b, 0));
  expect(found).toHaveLength(expected.length);
  expect(size(found.map((n, i) => n - expected[i]!)) / size(expected)).toBeLessThan(share);
}

describe.each([8, 4] as const)('a weight of %d bits', (bits) => {
  const { packed, ...weight } = weightOf(bits);

  it('gives the product and the gradient of its float32 numbers', async () => {
    const graph = new Graph('test');
    const input = graph.input('x', 'float32', ['tokens', IN]);
    const own = declared(graph, bits, weight);
    const values = graph.input('values', 'float32', [OUT, IN]);
    const slope = graph.input('dy', 'float32', ['tokens', OUT]);
    for (const [name, y] of [
      ['blocks', blockLinear(input, own)],
      ['floats', gemm(input, values, { transposeB: true })],
    ] as const) {
      graph.output(`y.${name}`, y);
      graph.output(`dx.${name}`, gradients(sum(mul(y, slope)), [input])[0]!);
    }
    const found = await run(graph, { ...weight, x, dy });
    for (const name of ['y', 'dx']) expectClose(found(`${name}.blocks`), found(`${name}.floats`), 1e-6);
  });

  it('gives its rows', async () => {
    const graph = new Graph('test');
    const own = declared(graph, bits, weight);
    const wanted = [5, 0, 2, 3, 5];
    graph.output('rows', blockRows(own, graph.input('indices', 'int32', ['n'])));
    const found = await run(graph, { ...weight, indices: int32(wanted, [wanted.length]) });
    const rows = wanted.flatMap((row) => [...floats(weight.values).subarray(row * IN, (row + 1) * IN)]);
    expect([...found('rows')]).toEqual(rows);
  });

  it('is multiplied in whole numbers where the graph holds it', async () => {
    const graph = new Graph('test');
    const held = {
      out: OUT,
      in: IN,
      bits,
      blockSize: BLOCK_SIZE,
      packed: graph.constant(packed, [OUT, IN / BLOCK_SIZE, (BLOCK_SIZE * bits) / 8]),
      scales: graph.constant(floats(weight.scales), weight.scales.dims),
    };
    const input = graph.input('x', 'float32', ['tokens', IN]);
    graph.output('held', packedLinear(input, held));
    graph.output('floats', gemm(input, graph.input('values', 'float32', [OUT, IN]), { transposeB: true }));
    const found = await run(graph, { x, values: weight.values });
    expectClose(found('held'), found('floats'), 0.02);
  });
});

it('is refused where it does not fit', () => {
  const graph = new Graph('test');
  const input = graph.input('x', 'float32', ['tokens', IN + 1]);
  const own = declared(graph, 8, weightOf(8));
  expect(() => blockLinear(input, own)).toThrow(/6×64 do not fit/);
});
