// However a sum is made, of micro-batches, of parts and of parts from elsewhere, it is the sum of one list.

import { float32, floats, type HostTensor, type Tensors } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GradientSum } from './gradient-sum.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const SHAPES = new Map([
  ['a', [2]],
  ['b', [1, 1]],
]);

/** Whole numbers: their sums are exact in any order. */
type Gradient = readonly [number, number, number];
const tensorsOf = ([x, y, z]: Gradient): Record<string, HostTensor> => ({
  a: float32([x, y], [2]),
  b: float32([z], [1, 1]),
});

/** As the program of a micro-batch: writes its outputs over what it is given for them. */
const programOf =
  (gradient: Gradient) => async (sum: Tensors | undefined, into: Readonly<Record<string, HostTensor>>) => {
    for (const [name, own] of Object.entries(tensorsOf(gradient))) {
      const before = sum ? floats(sum[`sum.${name}`] as HostTensor) : undefined;
      const target = floats(into[`gradient.${name}`]!);
      for (const [i, value] of floats(own).entries()) target[i] = value + (before?.[i] ?? 0);
    }
    return into;
  };

const gradient: fc.Arbitrary<Gradient> = fc.tuple(
  fc.integer({ min: -100, max: 100 }),
  fc.integer({ min: -100, max: 100 }),
  fc.integer({ min: -100, max: 100 }),
);
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add'), gradient, fromZeros: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('addPart'), gradient }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('endPart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read') }) },
);

it('is the sum of all that was added since it was cleared', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 20 }), async (acts) => {
      const sum = new GradientSum(runtime, SHAPES);
      let added: Gradient[] = [];
      const check = async () => {
        const read = await sum.download();
        if (added.length === 0) return expect(read).toEqual({});
        const total = [0, 1, 2].map((i) => added.reduce((all, one) => all + one[i]!, 0));
        return expect(Object.values(read).flatMap((tensor) => [...floats(tensor)])).toEqual(total.map((x) => x + 0));
      };
      for (const one of acts) {
        if (one.kind === 'add') await sum.add(programOf(one.gradient), one.fromZeros);
        if (one.kind === 'addPart') await sum.addPart(tensorsOf(one.gradient));
        if (one.kind === 'add' || one.kind === 'addPart') added.push(one.gradient);
        if (one.kind === 'endPart') await sum.endPart();
        if (one.kind === 'fail') await expect(sum.add(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
        if (one.kind === 'clear') {
          sum.clear();
          added = [];
        }
        if (one.kind === 'read') await check();
      }
      await check();
      await sum.dispose();
    }),
  );
});

it('gives a part that begins no numbers of earlier sums', async () => {
  const sum = new GradientSum(runtime, SHAPES);
  const given: (readonly number[] | undefined)[] = [];
  const watched = (gradient: Gradient) => (before: Tensors | undefined, into: Readonly<Record<string, HostTensor>>) => {
    given.push(before && Object.values(before).flatMap((tensor) => [...floats(tensor as HostTensor)]));
    return programOf(gradient)(before, into);
  };
  await sum.add(watched([1, 2, 3]));
  await sum.add(watched([1, 1, 1]));
  await sum.endPart();
  await sum.add(watched([5, 5, 5]));
  sum.clear();
  await sum.add(watched([7, 7, 7]));
  await sum.endPart();
  await sum.add(watched([8, 8, 8]), true);
  expect(given).toEqual([undefined, [1, 2, 3], undefined, undefined, [0, 0, 0]]);
  await sum.dispose();
});

it('adds parts in the order in which they end, bit for bit as floats do', async () => {
  const parts = [1e8, 1, -1e8, 3].map((x): Gradient => [x, -x, x / 3]);
  const sum = new GradientSum(runtime, SHAPES);
  for (const part of parts) {
    await sum.add(programOf(part));
    await sum.endPart();
  }
  const expected = [0, 1, 2].map((i) =>
    parts.map((part) => Math.fround(part[i]!)).reduce((a, b) => Math.fround(a + b)),
  );
  const read = await sum.download();
  expect(Object.values(read).flatMap((tensor) => [...floats(tensor)])).toEqual(expected);
  await sum.dispose();
});
