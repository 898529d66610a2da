// KV caches in the memory of a device: every change runs a small graph whose outputs replace the tensors.

import type { ModelConfig } from '@ludic/models';
import {
  buildCacheAppend,
  buildCacheJoin,
  buildCacheRegroup,
  type CachedPrefix,
  cacheAppendInputs,
  cacheJoinInputs,
  cacheNames,
  cacheRegroupInputs,
} from '@ludic/models/internal';
import { Programs, type Runtime, type Tensors } from '@ludic/runtime';
import type { KvCache, KvCacheFactory, KvRow } from './batch.ts';

export function deviceCaches(runtime: Runtime, config: ModelConfig): KvCacheFactory {
  const programs = new CachePrograms(runtime, config);
  return {
    of: (prefix, fresh, counts) => new DeviceKvCache(programs, prefix, Int32Array.from(counts), fresh),
    async gather(rows, capacity) {
      const order: number[] = [];
      let joined: Tensors | undefined;
      for (const [source, own] of Map.groupBy(rows.keys(), (i) => rows[i]!.batch)) {
        const taken = own.map((i) => rows[i]!.row);
        const part = await programs.regroup(source.tensors, taken, source.capacity, capacity);
        order.push(...own);
        joined = joined ? await programs.join(joined, part) : part;
      }
      const lengths = Int32Array.from(order, (i) => rows[i]!.batch.lengths[rows[i]!.row]!);
      const batch = new DeviceKvCache(programs, rows[0]!.batch.prefix, lengths, joined!);
      const gathered = new Array<KvRow>(rows.length);
      for (const [row, i] of order.entries()) gathered[i] = { batch, row };
      return gathered;
    },
    dispose: () => programs.dispose(),
  };
}

/** Rows cannot be forked in place: `gather` makes the copies. */
class DeviceKvCache implements KvCache {
  readonly prefix: CachedPrefix | undefined;
  readonly lengths: Int32Array;
  readonly capacity: number;
  readonly spare = 0;
  readonly #programs: CachePrograms;
  #tensors: Tensors;

  constructor(programs: CachePrograms, prefix: CachedPrefix | undefined, lengths: Int32Array, tensors: Tensors) {
    this.#programs = programs;
    this.prefix = prefix;
    this.lengths = lengths;
    this.#tensors = tensors;
    this.capacity = tensors['key.0']!.dims[2]!;
  }

  get tensors(): Tensors {
    return this.#tensors;
  }

  part(): KvCache {
    throw new RangeError('rows on a device have no memory of their own');
  }

  get room(): number {
    return this.capacity;
  }

  grow(): void {
    throw new RangeError('no room');
  }

  fork(): number {
    throw new RangeError('no spare row');
  }

  async append(fresh: Tensors, counts: readonly number[]): Promise<void> {
    const before = this.#tensors;
    this.#tensors = await this.#programs.append(before, fresh, this.lengths, counts);
    free(before);
    free(fresh);
    for (const [row, count] of counts.entries()) this.lengths[row]! += count;
  }

  dispose(): void {
    free(this.#tensors);
  }
}

/** The graphs that change caches. */
class CachePrograms {
  readonly #config: ModelConfig;
  readonly #names: readonly string[];
  readonly #programs: Programs;

  constructor(runtime: Runtime, config: ModelConfig) {
    this.#config = config;
    this.#names = cacheNames(config);
    this.#programs = new Programs(runtime, { keepOnDevice: this.#names.map((name) => `next.${name}`) });
  }

  /** Copies rows of a cache with `steps` slots to tensors with `capacity` slots. */
  regroup(tensors: Tensors, rows: readonly number[], steps: number, capacity: number): Promise<Tensors> {
    return this.#run('regroup', buildCacheRegroup, cacheRegroupInputs(tensors, rows, steps, capacity));
  }

  /** Concatenates the rows of both, which are freed. */
  async join(first: Tensors, second: Tensors): Promise<Tensors> {
    const joined = await this.#run('join', buildCacheJoin, cacheJoinInputs(first, second));
    free(first);
    free(second);
    return joined;
  }

  append(past: Tensors, fresh: Tensors, lengths: Int32Array, counts: readonly number[]): Promise<Tensors> {
    return this.#run('append', buildCacheAppend, cacheAppendInputs(this.#config, past, fresh, lengths, counts));
  }

  dispose(): Promise<void> {
    return this.#programs.dispose();
  }

  async #run(name: string, build: (config: ModelConfig) => Uint8Array, inputs: Tensors): Promise<Tensors> {
    const program = await this.#programs.get(name, () => build(this.#config));
    const outputs = await program.run(inputs);
    return Object.fromEntries(this.#names.map((tensor) => [tensor, outputs[`next.${tensor}`]!]));
  }
}

export function free(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) if (tensor.location === 'device') tensor.dispose();
}
