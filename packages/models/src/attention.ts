// Attention of query rows over keys, with grouped heads and an additive bias. Nothing here knows where keys come from.

import { add, type Cut, cast, cutAt, joinAt, matmul, reshape, softmax, transpose, type Value } from '@ludic/graph';

/** How heads share keys: query head h uses key head ⌊h · kvHeads / heads⌋. */
export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** x [rows, steps, kvHeads · headDim] → [rows, kvHeads, steps, headDim]. */
export function splitKeyHeads(x: Value, { kvHeads, headDim }: Heads): Value {
  const [rows, steps] = x.shape;
  return transpose(reshape(x, [rows!, steps!, kvHeads, headDim]), [0, 2, 1, 3]);
}

/** A stretch of keys and values: [rows, or 1 where all rows share them, kvHeads, keys, headDim]. */
export interface Stretch {
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Queries of rows against one or several stretches of keys, as if these were one: only their scores are joined. Products
 * are in the numbers of keys and values, the softmax between them in float32.
 * @param queries [rows, steps, heads · headDim], already scaled
 * @param bias [rows or 1, 1, steps · (heads / kvHeads), keys of all stretches], 0 where a query may look and a large
 *   negative number where it may not; the queries of one step that share a key head are neighbours
 * @param cut how many keys each stretch has; needed for more than one
 * @returns [rows, steps, heads · headDim]
 */
export function attend(
  queries: Value,
  stretches: readonly Stretch[],
  bias: Value,
  { heads, kvHeads, headDim }: Heads,
  cut?: Cut,
): Value {
  const [rows, steps, width] = queries.shape;
  const group = heads / kvHeads;
  const grouped = transpose(reshape(queries, [rows!, steps!, kvHeads, group * headDim]), [0, 2, 1, 3]);
  const flat = reshape(grouped, [rows!, kvHeads, bias.shape[2]!, headDim]);
  const { type } = stretches[0]!.keys;
  const scores = stretches.map(({ keys }) => cast(matmul(cast(flat, type), transpose(keys, [0, 1, 3, 2])), 'float32'));
  const table = softmax(add(cut ? joinAt(scores, 3, cut) : scores[0]!, bias));
  const shares = cut ? cutAt(table, 3, cut) : [table];
  const mixed = stretches.map(({ values }, i) => matmul(cast(shares[i]!, type), values)).reduce(add);
  const ungrouped = reshape(cast(mixed, 'float32'), [rows!, kvHeads, steps!, group * headDim]);
  return reshape(transpose(ungrouped, [0, 2, 1, 3]), [rows!, steps!, width!]);
}
