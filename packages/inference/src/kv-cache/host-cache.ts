// KV caches in ordinary memory: new keys and values are written in place.

import type { ModelConfig } from '@ludic/models';
import type { CachedPrefix } from '@ludic/models/internal';
import { float32, floats, type HostTensor, type Tensors } from '@ludic/runtime';
import { type CachedRow, type KvCache, type KvCacheFactory, roomFor } from './cache.ts';

type HeadSizes = Pick<ModelConfig, 'kvHeads' | 'headDim'>;

export function hostCaches(sizes: HeadSizes): KvCacheFactory {
  return {
    of: async (prefix, fresh, counts) => HostKvCache.of(sizes, prefix, fresh, counts),
    gather: async (rows, length, spare) => ({
      cache: HostKvCache.gather(sizes, rows, length, spare),
      indices: rows.map((_, i) => i),
    }),
    dispose: async () => {},
  };
}

class HostKvCache implements KvCache {
  readonly prefix: CachedPrefix | undefined;
  readonly lengths: Int32Array;
  readonly capacity: number;
  readonly tensors: Tensors;
  readonly #sizes: HeadSizes;
  readonly #spare: number[] = [];

  private constructor(
    sizes: HeadSizes,
    prefix: CachedPrefix | undefined,
    lengths: Int32Array,
    capacity: number,
    tensors: Tensors,
  ) {
    this.#sizes = sizes;
    this.prefix = prefix;
    this.lengths = lengths;
    this.capacity = capacity;
    this.tensors = tensors;
  }

  static of(
    sizes: HeadSizes,
    prefix: CachedPrefix | undefined,
    fresh: Tensors,
    counts: readonly number[],
  ): HostKvCache {
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
    return new HostKvCache(sizes, prefix, Int32Array.from(counts), capacity, tensors);
  }

  static gather(sizes: HeadSizes, rows: readonly CachedRow[], length: number, spare: number): HostKvCache {
    const first = rows[0]!.cache;
    const capacity = Math.max(roomFor(length), first.capacity);
    const count = rows.length + spare;
    const tensors: Record<string, HostTensor> = {};
    for (const name of Object.keys(first.tensors)) {
      const dims = [count, sizes.kvHeads, capacity, sizes.headDim];
      tensors[name] = float32(new Float32Array(dims.reduce((x, y) => x * y)), dims);
    }
    const gathered = new HostKvCache(sizes, first.prefix, new Int32Array(count), capacity, tensors);
    for (const [i, { cache, row }] of rows.entries()) gathered.#copy(cache, row, i);
    for (let row = rows.length; row < count; row++) gathered.#spare.push(row);
    return gathered;
  }

  get spare(): number {
    return this.#spare.length;
  }

  fork(row: number): number {
    const copy = this.#spare.pop();
    if (copy === undefined) throw new RangeError('no spare row');
    this.#copy(this, row, copy);
    return copy;
  }

  #copy(from: KvCache, row: number, to: number): void {
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

  async append(fresh: Tensors, counts: readonly number[]): Promise<void> {
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

const hostFloats = (tensor: Tensors[string]): Float32Array => floats(tensor as HostTensor);
