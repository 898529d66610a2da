// KV caches in ordinary memory: new keys and values are written in place.

import type { ModelConfig } from '@ludic/models';
import type { CachedPrefix } from '@ludic/models/internal';
import { float32, floats, type HostTensor, type Tensors, zeros } from '@ludic/runtime';
import type { KvCache, KvCacheFactory } from './batch.ts';

type HeadSizes = Pick<ModelConfig, 'kvHeads' | 'headDim'>;

export function hostCaches(sizes: HeadSizes): KvCacheFactory {
  return {
    of: (prefix, fresh, counts) => new HostKvCache(sizes, prefix, Int32Array.from(counts), fresh),
    async gather(rows, capacity, spare) {
      const { prefix, tensors } = rows[0]!.batch;
      const dims = [rows.length + spare, sizes.kvHeads, capacity, sizes.headDim];
      const copies = Object.fromEntries(Object.keys(tensors).map((name) => [name, zeros(dims)]));
      const gathered = new HostKvCache(sizes, prefix, new Int32Array(dims[0]!), copies, rows.length);
      return rows.map(({ batch, row }, i) => {
        gathered.copy(batch, row, i);
        return { batch: gathered, row: i };
      });
    },
    dispose: async () => {},
  };
}

class HostKvCache implements KvCache {
  readonly prefix: CachedPrefix | undefined;
  readonly capacity: number;
  readonly #sizes: HeadSizes;
  /** Of all rows: those in use come first, spare ones last. */
  readonly #lengths: Int32Array;
  readonly #tensors: Tensors;
  #rows: number;

  /** @param rows in use */
  constructor(
    sizes: HeadSizes,
    prefix: CachedPrefix | undefined,
    lengths: Int32Array,
    tensors: Tensors,
    rows = lengths.length,
  ) {
    this.#sizes = sizes;
    this.prefix = prefix;
    this.#lengths = lengths;
    this.#tensors = tensors;
    this.capacity = tensors['key.0']!.dims[2]!;
    this.#rows = rows;
  }

  get lengths(): Int32Array {
    return this.#lengths.subarray(0, this.#rows);
  }

  get tensors(): Tensors {
    return this.spare === 0 ? this.#tensors : this.#tensorsOf(0, this.#rows);
  }

  part(from: number, to: number): KvCache {
    return new HostKvCache(this.#sizes, this.prefix, this.#lengths.subarray(from, to), this.#tensorsOf(from, to));
  }

  #tensorsOf(from: number, to: number): Tensors {
    const dims = [to - from, this.#sizes.kvHeads, this.capacity, this.#sizes.headDim];
    const row = this.#sizes.kvHeads * this.capacity * this.#sizes.headDim;
    return Object.fromEntries(
      Object.entries(this.#tensors).map(([name, whole]) => [
        name,
        float32(hostFloats(whole).subarray(from * row, to * row), dims),
      ]),
    );
  }

  get spare(): number {
    return this.#lengths.length - this.#rows;
  }

  fork(row: number): number {
    if (this.spare === 0) throw new RangeError('no spare row');
    const copy = this.#rows++;
    this.copy(this, row, copy);
    return copy;
  }

  copy(from: KvCache, row: number, to: number): void {
    const { kvHeads, headDim } = this.#sizes;
    const length = from.lengths[row]!;
    const held = length * headDim;
    const sources = from.tensors;
    for (const [name, tensor] of Object.entries(this.#tensors)) {
      const source = hostFloats(sources[name]!);
      const target = hostFloats(tensor);
      for (let head = 0; head < kvHeads; head++) {
        const at = (row * kvHeads + head) * from.capacity * headDim;
        target.set(source.subarray(at, at + held), (to * kvHeads + head) * this.capacity * headDim);
      }
    }
    this.#lengths[to] = length;
  }

  async append(fresh: Tensors, counts: readonly number[]): Promise<void> {
    const { kvHeads, headDim } = this.#sizes;
    for (const [name, tensor] of Object.entries(this.#tensors)) {
      const data = hostFloats(tensor);
      const own = hostFloats(fresh[name]!);
      const steps = fresh[name]!.dims[2]!;
      for (const [row, count] of counts.entries()) {
        if (count === 0) continue;
        for (let head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
          const from = head * steps * headDim;
          data.set(own.subarray(from, from + count * headDim), (head * this.capacity + this.#lengths[row]!) * headDim);
        }
      }
    }
    for (const [row, count] of counts.entries()) this.#lengths[row]! += count;
  }

  dispose(): void {}
}

const hostFloats = (tensor: Tensors[string]): Float32Array => floats(tensor as HostTensor);
