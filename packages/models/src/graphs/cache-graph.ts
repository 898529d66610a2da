// What is done to keys and values on a device, as graphs: new tokens are put behind the old, rows are put together anew.
// Beside each graph stands the function that makes its inputs.

import { concat, Graph, serialize } from '@ludic/graph';
import { gatherND, scatterND, take } from '@ludic/graph/internal';
import { type HostTensor, int32, int64, type Tensors } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';

type Sizes = Pick<ModelConfig, 'kvHeads' | 'headDim' | 'layers'>;

/** The names of the tensors of a cache: `key.LAYER` and `value.LAYER`. */
export const cacheNames = ({ layers }: Sizes): string[] =>
  Array.from({ length: layers }, (_, layer) => [`key.${layer}`, `value.${layer}`]).flat();

/**
 * Inputs, for each name: `past.NAME` [rows, kvHeads, capacity, headDim] and `fresh.NAME` [rows, kvHeads, steps, headDim];
 * `from` and `to` [tokens, 3] int64: row, head and step of what is copied, and where to. Outputs: `next.NAME`.
 */
export function buildCacheAppend(sizes: Sizes): Uint8Array {
  const graph = new Graph('cache-append');
  const from = graph.input('from', 'int64', ['tokens', 3]);
  const to = graph.input('to', 'int64', ['tokens', 3]);
  for (const name of cacheNames(sizes)) {
    const past = graph.input(`past.${name}`, 'float32', ['rows', sizes.kvHeads, 'capacity', sizes.headDim]);
    const fresh = graph.input(`fresh.${name}`, 'float32', ['rows', sizes.kvHeads, 'steps', sizes.headDim]);
    graph.output(`next.${name}`, scatterND(past, to, gatherND(fresh, from)));
  }
  return serialize(graph);
}

/** @param lengths tokens that each row has in `past`, @param counts how many of `fresh` are put behind them */
export function cacheAppendInputs(
  { kvHeads }: Sizes,
  past: Tensors,
  fresh: Tensors,
  lengths: ArrayLike<number>,
  counts: readonly number[],
): Tensors {
  const from: number[] = [];
  const to: number[] = [];
  for (const [row, count] of counts.entries()) {
    for (let head = 0; head < kvHeads; head++) {
      for (let step = 0; step < count; step++) {
        from.push(row, head, step);
        to.push(row, head, lengths[row]! + step);
      }
    }
  }
  const indices = (numbers: readonly number[]): HostTensor => int64(numbers, [numbers.length / 3, 3]);
  return { ...prefixed('past', past), ...prefixed('fresh', fresh), from: indices(from), to: indices(to) };
}

/**
 * Inputs: `NAME` [rows, kvHeads, steps, headDim], `rows` [taken] int32, `slots` [capacity] int32. Outputs: `next.NAME`
 * [taken, kvHeads, capacity, headDim]: row `rows[i]` and of it the steps `slots`. A slot beyond what counts may hold
 * any step.
 */
export function buildCacheRegroup(sizes: Sizes): Uint8Array {
  const graph = new Graph('cache-regroup');
  const rows = graph.input('rows', 'int32', ['taken']);
  const slots = graph.input('slots', 'int32', ['capacity']);
  for (const name of cacheNames(sizes)) {
    const whole = graph.input(name, 'float32', ['rows', sizes.kvHeads, 'steps', sizes.headDim]);
    graph.output(`next.${name}`, take(take(whole, rows, 0), slots, 2));
  }
  return serialize(graph);
}

/** Rows of a cache that has `steps` steps, with room for `capacity`. */
export function cacheRegroupInputs(
  tensors: Tensors,
  rows: readonly number[],
  steps: number,
  capacity: number,
): Tensors {
  const slots = Array.from({ length: capacity }, (_, slot) => Math.min(slot, steps - 1));
  return { ...tensors, rows: int32(rows, [rows.length]), slots: int32(slots, [capacity]) };
}

/** Inputs: `first.NAME` and `second.NAME` of one capacity. Outputs: `next.NAME`, the rows of both. */
export function buildCacheJoin(sizes: Sizes): Uint8Array {
  const graph = new Graph('cache-join');
  for (const name of cacheNames(sizes)) {
    const part = (which: string) =>
      graph.input(`${which}.${name}`, 'float32', [which, sizes.kvHeads, 'capacity', sizes.headDim]);
    graph.output(`next.${name}`, concat([part('first'), part('second')], 0));
  }
  return serialize(graph);
}

export const cacheJoinInputs = (first: Tensors, second: Tensors): Tensors => ({
  ...prefixed('first', first),
  ...prefixed('second', second),
});

const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
