// KV caches in ordinary memory: new keys and values are written in place, and rows get more room in place.

import type { ModelConfig } from '@ludic/models';
import type { CachedPrefix } from '@ludic/models/internal';
import { float32, floats, type HostTensor, type Tensors } from '@ludic/runtime';
import type { KvCache, KvCacheFactory, KvRow } from './batch.ts';

type HeadSizes = Pick<ModelConfig, 'kvHeads' | 'headDim'>;

/** Large caches reserve memory for rows that become so many times as long. What is not used of it is not taken from the machine. */
const RESERVED = 2;
/** Numbers of a large tensor: smaller ones are zeroed when they are allocated, all of them. */
const LARGE = 2 ** 21;

export function hostCaches(sizes: HeadSizes): KvCacheFactory {
  return {
    of(prefix, fresh, counts) {
      const data = Object.entries(fresh).map(([name, tensor]) => [name, floats(tensor as HostTensor)]);
      return new HostKvCache(sizes, prefix, Int32Array.from(counts), Object.fromEntries(data), counts.length);
    },
    async gather(rows, capacity, spare) {
      const { prefix, tensors } = rows[0]!.batch;
      const lengths = new Int32Array(rows.length + spare);
      const size = lengths.length * sizes.kvHeads * capacity * sizes.headDim;
      const reserved = size < LARGE ? size : size * RESERVED;
      const data = Object.keys(tensors).map((name) => [name, new Float32Array(reserved)]);
      const gathered = new HostKvCache(sizes, prefix, lengths, Object.fromEntries(data), rows.length, capacity);
      return rows.map((from, row) => {
        gathered.copy(from, row);
        return { batch: gathered, row };
      });
    },
    dispose: async () => {},
  };
}

class HostKvCache implements KvCache {
  readonly prefix: CachedPrefix | undefined;
  readonly #sizes: HeadSizes;
  /** Of all rows: those in use come first, spare ones last. */
  readonly #lengths: Int32Array;
  /** By the names of `tensors`: rows, and what is reserved for them behind all rows. */
  readonly #data: Readonly<Record<string, Float32Array>>;
  #rows: number;
  #capacity: number;

  /** @param rows in use @param capacity by default all that there is */
  constructor(
    sizes: HeadSizes,
    prefix: CachedPrefix | undefined,
    lengths: Int32Array,
    data: Readonly<Record<string, Float32Array>>,
    rows: number,
    capacity?: number,
  ) {
    this.#sizes = sizes;
    this.prefix = prefix;
    this.#lengths = lengths;
    this.#data = data;
    this.#rows = rows;
    this.#capacity = capacity ?? this.room;
  }

  get lengths(): Int32Array {
    return this.#lengths.subarray(0, this.#rows);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get room(): number {
    return this.#data['key.0']!.length / (this.#lengths.length * this.#sizes.kvHeads * this.#sizes.headDim);
  }

  get tensors(): Tensors {
    const dims = [this.#rows, this.#sizes.kvHeads, this.#capacity, this.#sizes.headDim];
    const used = this.#rows * this.#rowSize;
    return Object.fromEntries(
      Object.entries(this.#data).map(([name, data]) => [name, float32(data.subarray(0, used), dims)]),
    );
  }

  part(from: number, to: number): KvCache {
    const data = Object.entries(this.#data).map(([name, whole]) => [
      name,
      whole.subarray(from * this.#rowSize, to * this.#rowSize),
    ]);
    const lengths = this.#lengths.subarray(from, to);
    return new HostKvCache(this.#sizes, this.prefix, lengths, Object.fromEntries(data), to - from);
  }

  grow(capacity: number): void {
    const { kvHeads, headDim } = this.#sizes;
    const [before, after] = [this.#capacity * headDim, capacity * headDim];
    for (const data of Object.values(this.#data)) {
      // The last first: each moves to where others were.
      for (let head = this.#rows * kvHeads - 1; head > 0; head--) {
        const held = this.#lengths[Math.floor(head / kvHeads)]! * headDim;
        data.copyWithin(head * after, head * before, head * before + held);
      }
    }
    this.#capacity = capacity;
  }

  get spare(): number {
    return this.#lengths.length - this.#rows;
  }

  fork(row: number): number {
    if (this.spare === 0) throw new RangeError('no spare row');
    const copy = this.#rows++;
    this.copy({ batch: this, row }, copy);
    return copy;
  }

  /** Copies a row of a cache in ordinary memory. */
  copy({ batch, row }: KvRow, to: number): void {
    const from = batch as HostKvCache;
    const { kvHeads, headDim } = this.#sizes;
    const length = from.#lengths[row]!;
    const held = length * headDim;
    for (const [name, target] of Object.entries(this.#data)) {
      const source = from.#data[name]!;
      for (let head = 0; head < kvHeads; head++) {
        const at = row * from.#rowSize + head * from.#capacity * headDim;
        target.set(source.subarray(at, at + held), to * this.#rowSize + head * this.#capacity * headDim);
      }
    }
    this.#lengths[to] = length;
  }

  async append(fresh: Tensors, counts: readonly number[]): Promise<void> {
    const { kvHeads, headDim } = this.#sizes;
    for (const [name, data] of Object.entries(this.#data)) {
      const own = floats(fresh[name] as HostTensor);
      const steps = fresh[name]!.dims[2]!;
      for (const [row, count] of counts.entries()) {
        if (count === 0) continue;
        for (let head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
          const from = head * steps * headDim;
          data.set(own.subarray(from, from + count * headDim), (head * this.#capacity + this.#lengths[row]!) * headDim);
        }
      }
    }
    for (const [row, count] of counts.entries()) this.#lengths[row]! += count;
  }

  dispose(): void {}

  get #rowSize(): number {
    return this.#sizes.kvHeads * this.#capacity * this.#sizes.headDim;
  }
}
