// What each query may look at, as a number that is added to its score of each key: how a graph declares it, and the
// tensors of a run.

import { type Dimension, type Graph, multiplyDimensions, type Shape, type Value } from '@ludic/graph';
import { float32, type HostTensor } from '@ludic/runtime';
import type { Heads } from '../architectures/attention.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** What a query may not look at gets this added to its score: exp of it is 0 in float32. */
export const MASKED = -1e9;

/**
 * Declares `PREFIXbias`, which says what comes later, and, for layers with a sliding window, `PREFIXlocal_bias` of
 * `localRows` rows, which also says what is too long ago. Returns the one for a kind of layer.
 */
export function declareBias(
  graph: Graph,
  { slidingWindow }: Pick<ModelConfig, 'slidingWindow'>,
  prefix: string,
  shape: Shape,
  localRows: Dimension,
): (local: boolean) => Value {
  const causal = graph.input(`${prefix}bias`, 'float32', shape);
  if (!slidingWindow) return () => causal;
  const windowed = graph.input(`${prefix}local_bias`, 'float32', [localRows, ...shape.slice(1)]);
  return (local) => (local ? windowed : causal);
}

/** Queries of `steps` tokens that look at one key head. */
export const queriesPerKeyHead = (steps: string, { heads, kvHeads }: Heads) =>
  multiplyDimensions(steps, heads / kvHeads);

/** [1, 1, steps · group, before + steps]: a query sees all that came before and its own row up to itself. */
export const causalBias = (steps: number, before: number, group: number): HostTensor =>
  pastBias(NO_PAST, before, steps, group);

/** Positions of the queries and the keys of a row; a key at −1 is padding. */
export interface RowPositions {
  readonly queries: readonly number[];
  readonly keys: readonly number[];
}

/** [rows, 1, steps · group, keys]: a query sees the keys at its own position and at the `window` − 1 before it. */
export function windowBias(rows: readonly RowPositions[], window: number, group: number): HostTensor {
  const steps = rows[0]!.queries.length;
  const width = rows[0]!.keys.length;
  const bias = new Float32Array(rows.length * steps * group * width);
  let at = 0;
  for (const { queries, keys } of rows) {
    for (const query of queries) {
      for (let g = 0; g < group; g++) {
        for (const key of keys) bias[at++] = key >= 0 && key <= query && key > query - window ? 0 : MASKED;
      }
    }
  }
  return float32(bias, [rows.length, 1, steps * group, width]);
}

/** `count` numbers from `first` on. */
export const span = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

/** Keys and values of earlier tokens that each row of a run goes on from. */
export interface PastRows {
  /** Tokens that each row has. */
  readonly lengths: ArrayLike<number>;
  /** Slots of each row; those beyond its length are padding. */
  readonly capacity: number;
}

/** One row without any, for rows that see the same: bias is broadcast over them. */
export const NO_PAST: PastRows = { lengths: [0], capacity: 0 };

/**
 * [rows, 1, steps · group, before + capacity + steps]: a query sees the `before` keys that all rows share, its row's own
 * past, and its new tokens up to itself.
 */
export function pastBias({ lengths, capacity }: PastRows, before: number, steps: number, group: number): HostTensor {
  const width = before + capacity + steps;
  const bias = new Float32Array(lengths.length * steps * group * width);
  for (let row = 0; row < lengths.length; row++) {
    for (let query = 0; query < steps * group; query++) {
      const begin = (row * steps * group + query) * width;
      const step = Math.floor(query / group);
      bias.fill(MASKED, begin + before + lengths[row]!, begin + before + capacity);
      bias.fill(MASKED, begin + before + capacity + step + 1, begin + width);
    }
  }
  return float32(bias, [lengths.length, 1, steps * group, width]);
}
