// Keys and values of rows, wherever they are kept: what a decoder asks of a cache.

import type { Program, Tensor } from '@ludic/runtime';

/** By `key.LAYER` and `value.LAYER`. */
export type LayerTensors = Readonly<Record<string, Tensor>>;

/** Keys and values of tokens that all rows share. */
export interface Prefix {
  readonly tokens: Int32Array;
  /** `key.L`, `value.L`: [1, kvHeads, tokens, headDim] */
  readonly tensors: LayerTensors;
}

/** Rows of a batch beyond a prefix that they share. Rows are extended where they lie, so each has one owner at a time. */
export interface RowCache {
  readonly prefix: Prefix | undefined;
  /** Tokens that each row holds beyond the prefix. */
  readonly lengths: Int32Array;
  /** Tokens that a row can hold. */
  readonly capacity: number;
  /** How many rows may still be doubled. */
  readonly spare: number;
  /** The present tensors: [rows, kvHeads, capacity, headDim] per layer. */
  readonly tensors: LayerTensors;
  /** A copy of a row in a spare one. */
  double(row: number): number;
  /** Puts the first `counts` of the new tokens in `fresh` [rows, kvHeads, steps, headDim] behind what each row holds. */
  append(fresh: LayerTensors, counts: readonly number[]): Promise<void>;
  dispose(): void;
}

/** Where a row is kept. */
export interface CachedRow {
  readonly cache: RowCache;
  readonly row: number;
}

export interface Caches {
  /** Rows that hold the first `counts` of the new tokens in `fresh` [rows, kvHeads, steps, headDim]; takes `fresh` over. */
  of(prefix: Prefix | undefined, fresh: LayerTensors, counts: readonly number[]): Promise<RowCache>;
  /**
   * A copy of rows of one prefix with room for `length` tokens, a row taken more than once where it stands there more than
   * once. `spare` rows more are kept for those that will part ways, where rows can be doubled.
   * @returns the copy, and which of its rows each given one is
   */
  gather(
    rows: readonly CachedRow[],
    length: number,
    spare: number,
  ): Promise<{ readonly cache: RowCache; readonly places: readonly number[] }>;
  dispose(): Promise<void>;
}

/** Room for some more steps: every slot costs attention and copies, every copy when it is full costs more. */
export const roomFor = (length: number): number => Math.ceil(length * 1.1) + 8;

/** Frees what is on the device. */
export function free(tensors: LayerTensors): void {
  for (const tensor of Object.values(tensors)) if (tensor.location === 'device') tensor.dispose();
}

/** Disposes of programs. Of one that was refused, whoever loaded it has heard. */
export async function disposeAll(programs: Iterable<Promise<Program>>): Promise<void> {
  for (const program of programs) {
    await program.then(
      (loaded) => loaded.dispose(),
      () => {},
    );
  }
}
