// What is wrong is found while a graph is built, and equal graphs are equal bytes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  addDimensions,
  concat,
  Graph,
  gemm,
  gradients,
  linear,
  matmul,
  mul,
  multiplyDimensions,
  reshape,
  rmsNorm,
  serialize,
  sum,
} from './index.ts';

const graph = new Graph('wrong');
const input = (name: string, ...shape: (number | string)[]) => graph.input(name, 'float32', shape);
const [a, b] = [input('a', 'rows', 4), input('b', 3, 5)];
const vector = input('vector', 5);

describe('a wrong shape is an error that names the operator and both shapes', () => {
  it.each([
    ['Add', () => add(a, b), '[rows, 4] and [3, 5]'],
    ['gemm', () => gemm(a, b), '[rows, 4] and [3, 5]'],
    ['linear', () => linear(a, b, vector), '[rows, 4] and [3, 5]'],
    ['matmul', () => matmul(a, b), '[rows, 4] and [3, 5]'],
    ['rmsNorm', () => rmsNorm(a, vector, 1e-6), '[rows, 4] and [5]'],
    ['concat', () => concat([a, b], 0), '[rows, 4] and [3, 5]'],
    ['reshape', () => reshape(b, [4, 4]), '[3, 5] does not fill [4, 4]'],
  ])('%s', (name, build, shapes) => {
    expect(build).toThrow(name);
    expect(build).toThrow(shapes);
  });

  it('holds for names too: rows are not columns', () => {
    expect(() => add(a, input('c', 'columns', 4))).toThrow('[rows, 4] and [columns, 4]');
  });

  it('refuses a gradient that cannot be', () => {
    expect(() => gradients(a, [a])).toThrow(/scalar/);
    expect(() => gradients(sum(a), [b])).toThrow(/does not depend on b/);
  });
});

describe('dimensions', () => {
  const dimension = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom('n', 'm', 'rows'));
  it('add and multiply as numbers do, whatever the order', () => {
    fc.assert(
      fc.property(dimension, dimension, dimension, (x, y, z) => {
        expect(addDimensions(x, y)).toBe(addDimensions(y, x));
        expect(multiplyDimensions(x, y)).toBe(multiplyDimensions(y, x));
        expect(addDimensions(addDimensions(x, y), z)).toBe(addDimensions(x, addDimensions(y, z)));
        expect(multiplyDimensions(x, addDimensions(y, z))).toBe(
          addDimensions(multiplyDimensions(x, y), multiplyDimensions(x, z)),
        );
      }),
    );
  });
});

describe('serialisation', () => {
  it('writes the same bytes for the same graph, and builds a repeated node once', () => {
    const build = () => {
      const own = new Graph('same');
      const x = own.input('x', 'float32', ['n']);
      own.output('y', mul(add(x, x), add(x, x)));
      return { bytes: serialize(own), nodes: own.nodes.length };
    };
    expect(build().bytes).toEqual(build().bytes);
    expect(build().nodes).toBe(2);
  });
});
