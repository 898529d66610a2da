// Keys and values of the rows that one run of a decoder computed or extended, in ordinary memory and on a device alike.

import type { CachedPrefix } from '@ludic/models/internal';
import type { Tensors } from '@ludic/runtime';

/** Keys and values of a batch of rows, beyond a prefix that they share. Rows are extended in place: each has one owner. */
export interface KvCache {
  readonly prefix: CachedPrefix | undefined;
  /** Tokens that each row holds beyond the prefix. Spare rows are none. */
  readonly lengths: Int32Array;
  /** Tokens that a row can hold. */
  readonly capacity: number;
  /** The most that `capacity` can grow to. */
  readonly room: number;
  /** How many rows can still be forked. */
  readonly spare: number;
  /** `key.L`, `value.L`: [rows, kvHeads, capacity, headDim] */
  readonly tensors: Tensors;
  /** Rows `from` up to `to`, in the same memory: what is appended to them is appended to these. Ordinary memory alone has it. */
  part(from: number, to: number): KvCache;
  /** Lets rows hold `capacity` tokens, at most `room`. */
  grow(capacity: number): void;
  /** Copies a row to a spare one. @returns the copy */
  fork(row: number): number;
  /** Appends the first `counts` of the new tokens in `fresh` [rows, kvHeads, steps, headDim] to each row. There must be room. */
  append(fresh: Tensors, counts: readonly number[]): Promise<void>;
  dispose(): void;
}

/** Keys and values of a sequence that was fed: a row of its batch. */
export interface KvRow {
  readonly batch: KvCache;
  readonly row: number;
}

export interface KvCacheFactory {
  /** A cache without room: rows with the first `counts` of the tokens in `fresh` [rows, kvHeads, steps, headDim], which it takes over. */
  of(prefix: CachedPrefix | undefined, fresh: Tensors, counts: readonly number[]): KvCache;
  /**
   * Copies rows of one prefix to a cache with room for `capacity` tokens; a row may be given more than once. Where rows can
   * be forked, `spare` rows more are allocated for that.
   */
  gather(rows: readonly KvRow[], capacity: number, spare: number): Promise<KvRow[]>;
  dispose(): Promise<void>;
}
