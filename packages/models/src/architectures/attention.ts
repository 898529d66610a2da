// Attention of query rows over keys, with grouped heads and an additive bias. Nothing here knows where keys come from.

import { add, matmul, reshape, softmax, transpose, type Value } from '@ludic/graph';
import { type Cut, cutAt, joinAt } from '@ludic/graph/internal';
import type { Precision } from './precision.ts';

/** How heads share keys: query head h uses key head ⌊h · kvHeads / heads⌋. */
export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** How queries meet keys, and weights values. */
export interface AttentionOptions extends Heads {
  /** What their products are taken in; by default the numbers of keys and values. */
  readonly precision?: Precision | undefined;
}

/** x [rows, steps, kvHeads · headDim] → [rows, kvHeads, steps, headDim]. */
export function splitKeyHeads(x: Value, { kvHeads, headDim }: Heads): Value {
  const [rows, steps] = x.shape;
  return transpose(reshape(x, [rows!, steps!, kvHeads, headDim]), [0, 2, 1, 3]);
}

/** Keys and values that are stored together: [rows, or 1 where all rows share them, kvHeads, keys, headDim]. */
export interface KvSegment {
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Queries of rows against one or several segments of keys.
 * @param queries [rows, steps, heads · headDim], already scaled
 * @param bias, cut as those of `attendHeads`
 * @returns [rows, steps, heads · headDim]
 */
export function attend(
  queries: Value,
  segments: readonly KvSegment[],
  bias: Value,
  options: AttentionOptions,
  cut?: Cut,
): Value {
  const { heads, kvHeads, headDim } = options;
  const [rows, steps, width] = queries.shape;
  const grouped = [rows!, kvHeads, steps!, (heads / kvHeads) * headDim];
  const split = transpose(reshape(queries, [rows!, steps!, kvHeads, grouped[3]!]), [0, 2, 1, 3]);
  const mixed = attendHeads(split, segments, bias, options, cut);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [rows!, steps!, width!]);
}

/**
 * Queries of key heads against one or several segments of keys, as if these were one: only their scores are joined. The
 * softmax between the products is in float32.
 * @param queries [rows, kvHeads, steps, heads / kvHeads · headDim], already scaled
 * @param bias [rows or 1, 1, steps · (heads / kvHeads), keys of all segments], 0 where a query may look and a large
 *   negative number where it may not; the queries of one step that share a key head are neighbours
 * @param cut how many keys each segment has; needed for more than one
 * @returns the shape of `queries`
 */
export function attendHeads(
  queries: Value,
  segments: readonly KvSegment[],
  bias: Value,
  { kvHeads, headDim, precision }: AttentionOptions,
  cut?: Cut,
): Value {
  const flat = reshape(queries, [queries.shape[0]!, kvHeads, bias.shape[2]!, headDim]);
  const product = precision ?? (segments[0]!.keys.type === 'float16' ? 'float16' : 'float32');
  const scores = segments.map(({ keys }) => matmul(flat, transpose(keys, [0, 1, 3, 2]), product));
  const table = softmax(add(cut ? joinAt(scores, 3, cut) : scores[0]!, bias));
  const shares = cut ? cutAt(table, 3, cut) : [table];
  const mixed = segments.map(({ values }, i) => matmul(shares[i]!, values, product)).reduce(add);
  return reshape(mixed, queries.shape);
}
