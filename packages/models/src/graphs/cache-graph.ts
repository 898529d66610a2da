// What is done to keys and values on a device, as graphs: new tokens put behind the old, rows put together anew.

import { concat, Graph, gatherND, scatterND, serialize, take } from '@ludic/graph';
import type { ModelConfig } from '../config/model-config.ts';

type Sizes = Pick<ModelConfig, 'kvHeads' | 'headDim' | 'layers'>;

/** The names of the tensors of a cache: `key.LAYER` and `value.LAYER`. */
export const cacheNames = ({ layers }: Sizes): string[] =>
  Array.from({ length: layers }, (_, layer) => [`key.${layer}`, `value.${layer}`]).flat();

/**
 * Inputs, for each name: `past.NAME` [rows, kvHeads, capacity, headDim] and `fresh.NAME` [rows, kvHeads, steps, headDim];
 * `from` and `to` [places, 3] int64: row, head and step of what is copied, and where to. Outputs: `next.NAME`.
 */
export function buildCacheAppend(sizes: Sizes): Uint8Array {
  const graph = new Graph('cache-append');
  const from = graph.input('from', 'int64', ['places', 3]);
  const to = graph.input('to', 'int64', ['places', 3]);
  for (const name of cacheNames(sizes)) {
    const past = graph.input(`past.${name}`, 'float32', ['rows', sizes.kvHeads, 'capacity', sizes.headDim]);
    const fresh = graph.input(`fresh.${name}`, 'float32', ['rows', sizes.kvHeads, 'steps', sizes.headDim]);
    graph.output(`next.${name}`, scatterND(past, to, gatherND(fresh, from)));
  }
  return serialize(graph);
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
