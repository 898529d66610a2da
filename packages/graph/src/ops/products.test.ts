// Products in float16: their inputs and results are rounded, forward and towards their left side, and nothing else is.
// The numbers are those of whole-precision sums over JavaScript's own float16.

import { float32, floats, type HostTensor } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundingFloat16 } from '../../../runtime/testing/float16.ts';
import { Graph, gemm, gradients, linear, matmul, mul, type ProductType, serialize, sum, type Value } from '../index.ts';

const cpu = await createRuntime({ device: 'cpu', threads: 1 });
const rounding = roundingFloat16(cpu);

const half = (x: number) => Float16Array.of(x)[0]!;
const numbers = (length: number) =>
  fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length });

async function run(graph: Graph, inputs: Record<string, HostTensor>, on = rounding) {
  const program = await on.load(serialize(graph));
  const outputs = await program.run(inputs);
  await program.dispose();
  return (name: string) => [...floats(outputs[name] as HostTensor)];
}

/** A result that is no sum of float16 to the last bit may have been summed in another order before it was rounded. */
function expectRounded(found: readonly number[], exact: readonly number[]): void {
  for (const [i, value] of exact.entries()) {
    expect(found[i], `${value}`).toBe(half(found[i]!));
    expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -10 + 1e-4);
  }
}

const [rows, inner, columns] = [3, 4, 2];
const left = float32([0.1, 1 / 3, -2.7, 0.7, 1e-3, 5, -0.2, 0.9, 3.3, -1.1, 0.45, 2.2], [rows, inner]);
const right = float32([0.3, -1.7, 0.11, 2.9, -0.6, 1 / 7, 4.1, -0.01], [inner, columns]);

describe('a product in float16', () => {
  it('rounds what goes in and what comes out', async () => {
    await fc.assert(
      fc.asyncProperty(numbers(rows * inner), numbers(inner * columns), async (a, b) => {
        const graph = new Graph('test');
        const x = graph.input('a', 'float32', [rows, inner]);
        graph.output('c', gemm(x, graph.input('b', 'float32', [inner, columns]), { in: 'float16' }));
        const c = await run(graph, { a: float32(a, [rows, inner]), b: float32(b, [inner, columns]) });
        const exact = Array.from({ length: rows * columns }, (_, at) => {
          const [row, column] = [Math.floor(at / columns), at % columns];
          return Array.from(
            { length: inner },
            (__, k) => half(a[row * inner + k]!) * half(b[k * columns + column]!),
          ).reduce((p, q) => p + q);
        });
        expectRounded(c('c'), exact);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['gemm', (a: Value, b: Value, type: ProductType) => gemm(a, b, { in: type })],
    ['matmul', (a: Value, b: Value, type: ProductType) => matmul(a, b, type)],
  ])('%s has a rounded gradient on its left and a float32 one on its right', async (_, multiply) => {
    const build = (type: ProductType) => {
      const graph = new Graph('test');
      const a = graph.input('a', 'float32', [rows, inner]);
      const b = graph.input('b', 'float32', [inner, columns]);
      const slope = graph.constant(Float32Array.of(0.1, -0.7, 1 / 3, 2.2, 0.013, -1.9), [rows, columns]);
      const found = gradients(sum(mul(multiply(a, b, type), slope)), [a, b]);
      graph.output('da', found[0]!);
      graph.output('db', found[1]!);
      return graph;
    };
    const exact = await run(build('float32'), { a: left, b: right });
    const found = await run(build('float16'), { a: left, b: right });
    expect(found('da')).not.toEqual(exact('da'));
    expectRounded(found('da'), exact('da').map(half));
    expect(found('db')).toEqual(exact('db'));
  });

  it('adds biases, and what stretches over rows, in float32', async () => {
    const graph = new Graph('test');
    const x = graph.input('a', 'float32', [rows, inner]);
    const weight = graph.input('b', 'float32', [inner, columns]);
    const bias = graph.constant(Float32Array.of(1000.01), [1]);
    graph.output('y', linear(x, graph.constant(floats(right).slice(0, inner), [1, inner]), bias, 'float16'));
    const batch = graph.input('batch', 'float32', [2, rows, inner]);
    const product = matmul(batch, weight, 'float16');
    const plain = matmul(batch, weight);
    const [found] = gradients(sum(product), [weight]);
    const [exact] = gradients(sum(plain), [weight]);
    graph.output('found', found!);
    graph.output('exact', exact!);
    const values = await run(graph, {
      a: left,
      b: right,
      batch: float32([...floats(left), ...floats(left)], [2, rows, inner]),
    });
    for (const y of values('y')) expect(y).not.toBe(half(y));
    expect(values('found')).toEqual(values('exact'));
  });

  it('is a float32 one to the CPU as it is: its casts are taken away', async () => {
    const graph = new Graph('test');
    const a = graph.input('a', 'float32', [rows, inner]);
    const b = graph.input('b', 'float32', [inner, columns]);
    graph.output('half', gemm(a, b, { in: 'float16' }));
    graph.output('single', gemm(a, b));
    const values = await run(graph, { a: left, b: right }, cpu);
    expect(values('half')).toEqual(values('single'));
  });
});
