// KV caches in the memory of a device: every change runs a small graph whose outputs replace the tensors.

import type { ModelConfig } from '@ludic/models';
import {
  buildCacheAppend,
  buildCacheJoin,
  buildCacheRegroup,
  cacheAppendInputs,
  cacheJoinInputs,
  cacheNames,
  cacheRegroupInputs,
} from '@ludic/models/internal';
import type { Program, Runtime, Tensors } from '@ludic/runtime';
import {
  disposeAll,
  free,
  type KvCache,
  type KvCacheFactory,
  type LayerTensors,
  type Prefix,
  roomFor,
} from './cache.ts';

export function deviceCaches(runtime: Runtime, config: ModelConfig): KvCacheFactory {
  const programs = new CachePrograms(runtime, config);
  return {
    async of(prefix, fresh, counts) {
      const steps = fresh['key.0']!.dims[2]!;
      const every = counts.map((_, row) => row);
      const tensors = await programs.regroup(fresh, every, steps, roomFor(steps));
      free(fresh);
      return new DeviceKvCache(programs, prefix, Int32Array.from(counts), tensors);
    },
    async gather(rows, length) {
      const sources = [...new Set(rows.map(({ cache }) => cache))];
      const capacity = sources.reduce((most, cache) => Math.max(most, cache.capacity), roomFor(length));
      const lengths: number[] = [];
      const indices = new Array<number>(rows.length);
      let joined: LayerTensors | undefined;
      for (const source of sources) {
        const own = [...rows.entries()].filter(([, { cache }]) => cache === source);
        const taken = own.map(([, { row }]) => row);
        const part = await programs.regroup(source.tensors, taken, source.capacity, capacity);
        for (const [i, { row }] of own) {
          indices[i] = lengths.length;
          lengths.push(source.lengths[row]!);
        }
        joined = joined ? await programs.join(joined, part) : part;
      }
      const cache = new DeviceKvCache(programs, rows[0]!.cache.prefix, Int32Array.from(lengths), joined!);
      return { cache, indices };
    },
    dispose: () => programs.dispose(),
  };
}

/** Rows cannot be forked in place: `gather` makes the copies. */
class DeviceKvCache implements KvCache {
  readonly prefix: Prefix | undefined;
  readonly lengths: Int32Array;
  readonly capacity: number;
  readonly spare = 0;
  readonly #programs: CachePrograms;
  #tensors: LayerTensors;

  constructor(programs: CachePrograms, prefix: Prefix | undefined, lengths: Int32Array, tensors: LayerTensors) {
    this.#programs = programs;
    this.prefix = prefix;
    this.lengths = lengths;
    this.#tensors = tensors;
    this.capacity = tensors['key.0']!.dims[2]!;
  }

  get tensors(): LayerTensors {
    return this.#tensors;
  }

  fork(): number {
    throw new RangeError('no spare row');
  }

  async append(fresh: LayerTensors, counts: readonly number[]): Promise<void> {
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

/** The graphs that change caches, each loaded on first use. */
class CachePrograms {
  readonly #runtime: Runtime;
  readonly #config: ModelConfig;
  readonly #names: readonly string[];
  readonly #loaded = new Map<string, Promise<Program>>();

  constructor(runtime: Runtime, config: ModelConfig) {
    this.#runtime = runtime;
    this.#config = config;
    this.#names = cacheNames(config);
  }

  /** Copies rows of a cache with `steps` slots to tensors with `capacity` slots. */
  regroup(tensors: LayerTensors, rows: readonly number[], steps: number, capacity: number): Promise<LayerTensors> {
    return this.#run('regroup', buildCacheRegroup, cacheRegroupInputs(tensors, rows, steps, capacity));
  }

  /** Concatenates the rows of both, which are freed. */
  async join(first: LayerTensors, second: LayerTensors): Promise<LayerTensors> {
    const joined = await this.#run('join', buildCacheJoin, cacheJoinInputs(first, second));
    free(first);
    free(second);
    return joined;
  }

  append(
    past: LayerTensors,
    fresh: LayerTensors,
    lengths: Int32Array,
    counts: readonly number[],
  ): Promise<LayerTensors> {
    return this.#run('append', buildCacheAppend, cacheAppendInputs(this.#config, past, fresh, lengths, counts));
  }

  async dispose(): Promise<void> {
    await disposeAll(this.#loaded.values());
    this.#loaded.clear();
  }

  async #run(name: string, build: (config: ModelConfig) => Uint8Array, inputs: Tensors): Promise<LayerTensors> {
    let program = this.#loaded.get(name);
    if (!program) {
      const keepOnDevice = this.#names.map((tensor) => `next.${tensor}`);
      program = this.#runtime.load(build(this.#config), { keepOnDevice });
      this.#loaded.set(name, program);
    }
    const outputs = await (await program).run(inputs);
    return Object.fromEntries(this.#names.map((tensor) => [tensor, outputs[`next.${tensor}`]!]));
  }
}
