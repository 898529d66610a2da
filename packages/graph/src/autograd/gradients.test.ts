// Every operator's gradient against central differences, run through ONNX Runtime itself.

import { stream } from '@ludic/random';
import { float32, floats, type HostTensor, int64 } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import * as promised from '../index.ts';
import { type DataType, Graph, gradients, type Shape, serialize, type Value } from '../index.ts';
import * as internal from '../internal.ts';
import { expandLike } from '../ops/broadcast.ts';

const ops = { ...promised, ...internal, expandLike };
const runtime = await createRuntime({ device: 'cpu', threads: 1 });

interface Case {
  /** Known sizes; a name in a shape stands for its number here. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly indices?: Readonly<Record<string, { shape: Shape; values: readonly number[] }>>;
  /** Numbers to draw inputs from; default −1 … 1. */
  readonly range?: readonly [number, number];
  readonly build: (values: Record<string, Value>) => Value;
}

/** Largest difference between the graph's gradients and central differences, over the largest gradient entry. */
async function gradientError({ sizes = {}, inputs, indices = {}, range = [-1, 1], build }: Case): Promise<number> {
  const random = stream('gradient test');
  const concrete = (shape: Shape) => shape.map((size) => (typeof size === 'number' ? size : sizes[size]!));
  const graph = new Graph('case');
  const values: Record<string, Value> = {};
  const feeds: Record<string, HostTensor> = {};
  const declare = (name: string, type: DataType, shape: Shape) => {
    values[name] = graph.input(name, type, shape);
  };
  for (const [name, shape] of Object.entries(inputs)) {
    declare(name, 'float32', shape);
    const dims = concrete(shape);
    const length = dims.reduce((a, b) => a * b, 1);
    feeds[name] = float32(
      Array.from({ length }, () => range[0] + (range[1] - range[0]) * random.nextFloat()),
      dims,
    );
  }
  for (const [name, { shape, values: numbers }] of Object.entries(indices)) {
    declare(name, 'int64', shape);
    feeds[name] = int64(numbers, concrete(shape));
  }
  // A smooth scalar of the result with a different slope at every element.
  const result = build(values);
  const target = ops.sum(ops.mul(result, ops.add(ops.tanh(result), ops.sigmoid(ops.scale(result, 1.7)))));
  graph.output('target', target);
  const names = Object.keys(inputs);
  for (const [i, gradient] of gradients(
    target,
    names.map((name) => values[name]!),
  ).entries()) {
    graph.output(`d_${names[i]}`, gradient);
  }
  const program = await runtime.load(serialize(graph));
  const run = async () => program.run(feeds) as Promise<Record<string, HostTensor>>;
  const exact = await run();
  let worst = 0;
  for (const name of names) {
    const data = floats(feeds[name]!);
    const gradient = floats(exact[`d_${name}`]!).slice();
    const largest = Math.max(...gradient.map(Math.abs), 1e-3);
    for (let i = 0; i < data.length; i++) {
      const before = data[i]!;
      const step = 5e-3;
      const at = async (value: number) => {
        data[i] = value;
        return floats((await run()).target!)[0]!;
      };
      const slope = ((await at(before + step)) - (await at(before - step))) / (2 * step);
      data[i] = before;
      worst = Math.max(worst, Math.abs(slope - gradient[i]!) / largest);
    }
  }
  await program.dispose();
  return worst;
}

const rowLayout = {
  padIndex: { shape: [2, 3], values: [0, 1, 2, 3, 4, 0] },
  unpadIndex: { shape: ['tokens'], values: [0, 1, 2, 3, 4] },
};

const cases: Readonly<Record<string, Case>> = {
  add: { inputs: { a: [2, 3], b: [3] }, build: ({ a, b }) => ops.add(a!, b!) },
  sub: { inputs: { a: [2, 1], b: [2, 3] }, build: ({ a, b }) => ops.sub(a!, b!) },
  mul: { inputs: { a: ['n', 3], b: [1, 3] }, sizes: { n: 2 }, build: ({ a, b }) => ops.mul(a!, b!) },
  div: { inputs: { a: [2, 3], b: [2, 1] }, range: [0.5, 2], build: ({ a, b }) => ops.div(a!, b!) },
  minimum: { inputs: { a: [5], b: [5] }, build: ({ a, b }) => ops.minimum(a!, b!) },
  maximum: { inputs: { a: [5], b: [] }, build: ({ a, b }) => ops.maximum(a!, b!) },
  neg: { inputs: { x: [4] }, build: ({ x }) => ops.neg(x!) },
  exp: { inputs: { x: [4] }, build: ({ x }) => ops.exp(x!) },
  log: { inputs: { x: [4] }, range: [0.5, 2], build: ({ x }) => ops.log(x!) },
  sqrt: { inputs: { x: [4] }, range: [0.5, 2], build: ({ x }) => ops.sqrt(x!) },
  tanh: { inputs: { x: [4] }, build: ({ x }) => ops.tanh(x!) },
  sigmoid: { inputs: { x: [4] }, build: ({ x }) => ops.sigmoid(x!) },
  silu: { inputs: { x: [2, 4] }, range: [-3, 3], build: ({ x }) => ops.silu(x!) },
  'a value used twice': { inputs: { x: [4] }, build: ({ x }) => ops.mul(x!, ops.exp(x!)) },
  sum: { inputs: { x: ['n', 3] }, sizes: { n: 2 }, build: ({ x }) => ops.sum(x!, [0]) },
  'sum, dims kept': {
    inputs: { x: ['n', 3] },
    sizes: { n: 2 },
    build: ({ x }) => ops.sum(x!, [1], { keepDims: true }),
  },
  sumOfSquares: { inputs: { x: ['n', 3] }, sizes: { n: 2 }, build: ({ x }) => ops.sumOfSquares(x!, [1]) },
  softmax: { inputs: { x: [2, 5] }, range: [-3, 3], build: ({ x }) => ops.softmax(x!) },
  logSumExp: { inputs: { x: ['n', 5] }, sizes: { n: 2 }, range: [-3, 3], build: ({ x }) => ops.logSumExp(x!) },
  entropyOfRows: { inputs: { x: ['n', 5] }, sizes: { n: 2 }, range: [-3, 3], build: ({ x }) => ops.entropyOfRows(x!) },
  'targetLogprobs, a row with two targets': {
    inputs: { x: ['n', 5] },
    sizes: { n: 3, m: 4 },
    indices: { elements: { shape: ['m'], values: [1, 1, 7, 14] }, rows: { shape: ['m'], values: [0, 0, 1, 2] } },
    range: [-3, 3],
    build: ({ x, elements, rows }) => ops.targetLogprobs(x!, elements!, rows!),
  },
  geluTanh: { inputs: { x: [3, 4] }, range: [-3, 3], build: ({ x }) => ops.geluTanh(x!) },
  layerNorm: {
    inputs: { x: ['n', 6], weight: [6], bias: [6] },
    sizes: { n: 3 },
    build: ({ x, weight, bias }) => ops.layerNorm(x!, weight!, bias!, 1e-5),
  },
  spreadRows: {
    inputs: { x: [2, 'n', 3], membership: [2, 4] },
    sizes: { n: 2 },
    indices: { index: { shape: [4], values: [0, 1, 1, 1] } },
    // The matrix says the same as the index, and is a constant for the gradient.
    build: ({ x, index, membership }) => {
      const ones = x!.graph.constant(Float32Array.of(1, 0, 0, 0, 0, 1, 1, 1), [2, 4]);
      const spread = ops.spreadRows(x!, { index: index!, membership: ones });
      return ops.mul(
        ops.add(spread, ops.spreadRows(ops.mul(x!, x!), { index: index!, membership: ones })),
        ops.sum(membership!),
      );
    },
  },
  cumulativeSum: { inputs: { x: [2, 5] }, build: ({ x }) => ops.cumulativeSum(x!, 1) },
  unflatten: {
    inputs: { x: ['a*b', 2], like: ['a', 'b'] },
    sizes: { a: 2, b: 3, 'a*b': 6 },
    build: ({ x, like }) => ops.mul(ops.unflatten(x!, like!), ops.reshape(like!, ['a', 'b', 1])),
  },
  reshape: { inputs: { x: ['n', 6] }, sizes: { n: 2 }, build: ({ x }) => ops.reshape(x!, ['n', 2, 3]) },
  transpose: {
    inputs: { x: [2, 3, 4] },
    build: ({ x }) => ops.mul(ops.transpose(x!, [2, 0, 1]), ops.scale(ops.transpose(x!, [2, 0, 1]), 2)),
  },
  concat: { inputs: { a: [2, 2], b: [2, 3] }, build: ({ a, b }) => ops.concat([b!, a!], 1) },
  'cutAt and joinAt': {
    inputs: { x: [3, 'm+n'] },
    sizes: { 'm+n': 5 },
    indices: { at: { shape: [2], values: [2, 3] } },
    build: ({ x, at }) => {
      const cut: internal.Cut = { sizes: ['m', 'n'], at: at! };
      const [a, b] = ops.cutAt(x!, 1, cut);
      return ops.joinAt([ops.exp(a!), ops.tanh(b!)], 1, cut);
    },
  },
  split: { inputs: { x: [2, 5] }, build: ({ x }) => ops.exp(ops.split(x!, 1, [2, 3])[1]!) },
  expandLike: {
    inputs: { x: ['n', 1], like: ['n', 3] },
    sizes: { n: 2 },
    build: ({ x, like }) => ops.mul(ops.expandLike(x!, like!), like!),
  },
  'gemm a·b': { inputs: { a: ['n', 3], b: [3, 4] }, sizes: { n: 2 }, build: ({ a, b }) => ops.gemm(a!, b!) },
  'gemm aᵀ·b': {
    inputs: { a: ['n', 3], b: ['n', 4] },
    sizes: { n: 2 },
    build: ({ a, b }) => ops.gemm(a!, b!, { transposeA: true }),
  },
  'gemm a·bᵀ': {
    inputs: { a: ['n', 3], b: [4, 3] },
    sizes: { n: 2 },
    build: ({ a, b }) => ops.gemm(a!, b!, { transposeB: true }),
  },
  'gemm aᵀ·bᵀ': {
    inputs: { a: [3, 'n'], b: [4, 3] },
    sizes: { n: 2 },
    build: ({ a, b }) => ops.gemm(a!, b!, { transposeA: true, transposeB: true }),
  },
  linear: {
    inputs: { x: ['n', 3], w: [4, 3], b: [4] },
    sizes: { n: 2 },
    build: ({ x, w, b }) => ops.linear(x!, w!, b),
  },
  matmul: {
    inputs: { a: ['b', 2, 3, 4], b: [1, 2, 4, 'k'] },
    sizes: { b: 2, k: 3 },
    build: ({ a, b }) => ops.matmul(a!, b!),
  },
  rmsNorm: { inputs: { x: ['n', 6], w: [6] }, sizes: { n: 3 }, build: ({ x, w }) => ops.rmsNorm(x!, w!, 1e-5) },
  rotary: {
    inputs: { x: ['n', 32] },
    sizes: { n: 3 },
    indices: { at: { shape: ['n', 1], values: [1, 5, 2] } },
    build: ({ x, at }) => {
      const table = (of: (angle: number) => number) =>
        x!.graph.constant(
          Float32Array.from({ length: 64 }, (_, i) => of(i)),
          [8, 8],
        );
      return ops.rotary(x!, at!, { cos: table(Math.cos), sin: table(Math.sin) });
    },
  },
  gatherRows: {
    inputs: { x: [4, 3] },
    sizes: { n: 3 },
    indices: { at: { shape: ['n'], values: [1, 3, 1] } },
    build: ({ x, at }) => ops.gatherRows(x!, at!),
  },
  'gatherRows of unknown length': {
    inputs: { x: ['m', 3] },
    sizes: { n: 3, m: 4 },
    indices: { at: { shape: ['n'], values: [1, 3, 1] } },
    build: ({ x, at }) => ops.gatherRows(x!, at!),
  },
  gatherElements: {
    inputs: { x: ['m'] },
    sizes: { n: 3, m: 4 },
    indices: { at: { shape: ['n'], values: [2, 0, 2] } },
    build: ({ x, at }) => ops.gatherElements(x!, at!),
  },
  scatterAdd: {
    inputs: { x: ['m'], updates: ['n'] },
    sizes: { n: 3, m: 4 },
    indices: { at: { shape: ['n'], values: [2, 0, 2] } },
    build: ({ x, at, updates }) => ops.scatterAdd(x!, at!, updates!),
  },
  'padRows and unpadRows': {
    inputs: { x: ['tokens', 2] },
    sizes: { tokens: 5 },
    indices: rowLayout,
    build: ({ x, padIndex, unpadIndex }) => {
      // A running sum along the row: what a slot holds depends on earlier slots only, as under a causal mask.
      const padMask = x!.graph.constant(Float32Array.of(1, 1, 1, 1, 1, 0), [2, 3, 1]);
      const layout = { padIndex: padIndex!, unpadIndex: unpadIndex!, padMask };
      const lower = x!.graph.constant(Float32Array.of(1, 0, 0, 1, 1, 0, 1, 1, 1), [1, 3, 3]);
      return ops.unpadRows(ops.matmul(lower, ops.padRows(x!, layout)), layout);
    },
  },
};

describe('gradients', () => {
  it.each(Object.entries(cases))('%s', async (_, example) => {
    expect(await gradientError(example)).toBeLessThan(5e-3);
  });

  it('stop at stopGradient', async () => {
    const graph = new Graph('stop');
    const x = graph.input('x', 'float32', []);
    const y = ops.mul(x, ops.stopGradient(x));
    graph.output('dx', gradients(y, [x])[0]!);
    const program = await runtime.load(serialize(graph));
    const { dx } = (await program.run({ x: float32([3], []) })) as { dx: HostTensor };
    expect(floats(dx)[0]).toBe(3);
  });

  it('refuse a target that does not depend on the value', () => {
    const graph = new Graph('independent');
    const x = graph.input('x', 'float32', []);
    const y = graph.input('y', 'float32', []);
    expect(() => gradients(ops.exp(x), [y])).toThrow('does not depend on y');
    expect(() => gradients(graph.input('v', 'float32', [2]), [x])).toThrow('must be a scalar');
  });
});
