// Caches in ordinary memory. A new token is a few numbers written behind the others.

import type { ModelConfig } from '@ludic/models';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import { type CachedRow, type Caches, type LayerTensors, type Prefix, type RowCache, roomFor } from './cache.ts';

type Sizes = Pick<ModelConfig, 'kvHeads' | 'headDim'>;

export function hostCaches(sizes: Sizes): Caches {
  return {
    of: async (prefix, fresh, counts) => HostRows.of(sizes, prefix, fresh, counts),
    gather: async (rows, length, spare) => ({
      cache: HostRows.gather(sizes, rows, length, spare),
      places: rows.map((_, i) => i),
    }),
    dispose: async () => {},
  };
}

class HostRows implements RowCache {
  readonly prefix: Prefix | undefined;
  /** Tokens that each row holds beyond the prefix. */
  readonly lengths: Int32Array;
  /** Tokens that a row can hold. */
  readonly capacity: number;
  /** The live tensors. */
  readonly tensors: LayerTensors;
  readonly #sizes: Sizes;
  readonly #spare: number[] = [];

  private constructor(
    sizes: Sizes,
    prefix: Prefix | undefined,
    lengths: Int32Array,
    capacity: number,
    tensors: LayerTensors,
  ) {
    this.#sizes = sizes;
    this.prefix = prefix;
    this.lengths = lengths;
    this.capacity = capacity;
    this.tensors = tensors;
  }

  /** Rows that hold the first `counts` of the new tokens in `fresh` [rows, kvHeads, steps, headDim]. */
  static of(sizes: Sizes, prefix: Prefix | undefined, fresh: LayerTensors, counts: readonly number[]): HostRows {
    const { kvHeads, headDim } = sizes;
    const steps = counts.reduce((most, count) => Math.max(most, count), 0);
    const capacity = roomFor(steps);
    const tensors: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(fresh)) {
      const data = new Float32Array(counts.length * kvHeads * capacity * headDim);
      const from = hostFloats(tensor);
      for (let head = 0; head < counts.length * kvHeads; head++) {
        data.set(from.subarray(head * steps * headDim, (head + 1) * steps * headDim), head * capacity * headDim);
      }
      tensors[name] = float32(data, [counts.length, kvHeads, capacity, headDim]);
    }
    return new HostRows(sizes, prefix, Int32Array.from(counts), capacity, tensors);
  }

  /**
   * A copy of rows of one prefix, in the given order, with room for `length` tokens; a row may be taken more than once.
   * `spare` rows more are kept for those that will part ways.
   */
  static gather(sizes: Sizes, rows: readonly CachedRow[], length: number, spare = 0): HostRows {
    const first = rows[0]!.cache;
    const capacity = Math.max(roomFor(length), first.capacity);
    const count = rows.length + spare;
    const tensors: Record<string, HostTensor> = {};
    for (const name of Object.keys(first.tensors)) {
      const dims = [count, sizes.kvHeads, capacity, sizes.headDim];
      tensors[name] = float32(new Float32Array(dims.reduce((x, y) => x * y)), dims);
    }
    const gathered = new HostRows(sizes, first.prefix, new Int32Array(count), capacity, tensors);
    for (const [i, { cache, row }] of rows.entries()) gathered.#copy(cache, row, i);
    for (let row = rows.length; row < count; row++) gathered.#spare.push(row);
    return gathered;
  }

  /** How many rows may still be doubled. */
  get spare(): number {
    return this.#spare.length;
  }

  /** A copy of a row in a spare one. */
  double(row: number): number {
    const copy = this.#spare.pop();
    if (copy === undefined) throw new RangeError('no row is spare');
    this.#copy(this, row, copy);
    return copy;
  }

  #copy(from: RowCache, row: number, to: number): void {
    const { kvHeads, headDim } = this.#sizes;
    const held = from.lengths[row]! * headDim;
    for (const [name, tensor] of Object.entries(this.tensors)) {
      const source = hostFloats(from.tensors[name]!);
      const target = hostFloats(tensor);
      for (let head = 0; head < kvHeads; head++) {
        const at = (row * kvHeads + head) * from.capacity * headDim;
        target.set(source.subarray(at, at + held), (to * kvHeads + head) * this.capacity * headDim);
      }
    }
    this.lengths[to] = from.lengths[row]!;
  }

  get rows(): number {
    return this.lengths.length;
  }

  /** Writes the first `counts` of the new tokens in `fresh` behind what each row holds. There must be room. */
  async append(fresh: LayerTensors, counts: readonly number[]): Promise<void> {
    const { kvHeads, headDim } = this.#sizes;
    for (const [name, tensor] of Object.entries(this.tensors)) {
      const data = hostFloats(tensor);
      const own = hostFloats(fresh[name]!);
      const steps = fresh[name]!.dims[2]!;
      for (const [row, count] of counts.entries()) {
        if (count === 0) continue;
        for (let head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
          const from = head * steps * headDim;
          data.set(own.subarray(from, from + count * headDim), (head * this.capacity + this.lengths[row]!) * headDim);
        }
      }
    }
    for (const [row, count] of counts.entries()) this.lengths[row]! += count;
  }

  dispose(): void {}
}

const hostFloats = (tensor: LayerTensors[string]): Float32Array => floats(tensor as HostTensor);
