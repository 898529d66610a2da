// Attention of query rows over keys, with grouped heads and an additive bias. Nothing here knows where keys come from.

import { add, matmul, reshape, softmax, transpose, type Value } from '@ludic/graph';

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

/**
 * @param queries [rows, steps, heads · headDim], already scaled
 * @param keys, values [rows, kvHeads, keys, headDim]
 * @param bias [rows or 1, 1, steps · (heads / kvHeads), keys], 0 where a query may look and a large negative number
 *   where it may not; the queries of one step that share a key head are neighbours
 * @returns [rows, steps, heads · headDim]
 */
export function attend(
  queries: Value,
  keys: Value,
  values: Value,
  bias: Value,
  { heads, kvHeads, headDim }: Heads,
): Value {
  const [rows, steps, width] = queries.shape;
  const group = heads / kvHeads;
  const grouped = transpose(reshape(queries, [rows!, steps!, kvHeads, group * headDim]), [0, 2, 1, 3]);
  const flat = reshape(grouped, [rows!, kvHeads, bias.shape[2]!, headDim]);
  const scores = add(matmul(flat, transpose(keys, [0, 1, 3, 2])), bias);
  const mixed = matmul(softmax(scores), values);
  const ungrouped = reshape(mixed, [rows!, kvHeads, steps!, group * headDim]);
  return reshape(transpose(ungrouped, [0, 2, 1, 3]), [rows!, steps!, width!]);
}
