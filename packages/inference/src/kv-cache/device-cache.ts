// Caches in the memory of a device: every change is a small graph whose outputs take the place of what was there.

import { buildCacheAppend, buildCacheJoin, buildCacheRegroup, cacheNames, type ModelConfig } from '@ludic/models';
import { type HostTensor, int32, int64, type Program, type Runtime, type Tensors } from '@ludic/runtime';
import { type Caches, disposeAll, free, type LayerTensors, type Prefix, type RowCache, roomFor } from './cache.ts';

export function deviceCaches(runtime: Runtime, config: ModelConfig): Caches {
  const programs = new DevicePrograms(runtime, config);
  return {
    async of(prefix, fresh, counts) {
      const steps = fresh['key.0']!.dims[2]!;
      const every = counts.map((_, row) => row);
      const tensors = await programs.regroup(fresh, every, steps, roomFor(steps));
      free(fresh);
      return new DeviceRows(programs, prefix, Int32Array.from(counts), tensors);
    },
    async gather(rows, length) {
      const sources = [...new Set(rows.map(({ cache }) => cache))];
      const capacity = sources.reduce((most, cache) => Math.max(most, cache.capacity), roomFor(length));
      const lengths: number[] = [];
      const places = new Array<number>(rows.length);
      let joined: LayerTensors | undefined;
      for (const source of sources) {
        const own = [...rows.entries()].filter(([, { cache }]) => cache === source);
        const taken = own.map(([, { row }]) => row);
        const part = await programs.regroup(source.tensors, taken, source.capacity, capacity);
        for (const [i, { row }] of own) {
          places[i] = lengths.length;
          lengths.push(source.lengths[row]!);
        }
        joined = joined ? await programs.join(joined, part) : part;
      }
      const cache = new DeviceRows(programs, rows[0]!.cache.prefix, Int32Array.from(lengths), joined!);
      return { cache, places };
    },
    dispose: () => programs.dispose(),
  };
}

/** Rows cannot be doubled here: those that part ways are gathered anew. */
class DeviceRows implements RowCache {
  readonly prefix: Prefix | undefined;
  readonly lengths: Int32Array;
  readonly capacity: number;
  readonly spare = 0;
  readonly #programs: DevicePrograms;
  #tensors: LayerTensors;

  constructor(programs: DevicePrograms, prefix: Prefix | undefined, lengths: Int32Array, tensors: LayerTensors) {
    this.#programs = programs;
    this.prefix = prefix;
    this.lengths = lengths;
    this.#tensors = tensors;
    this.capacity = tensors['key.0']!.dims[2]!;
  }

  get tensors(): LayerTensors {
    return this.#tensors;
  }

  double(): number {
    throw new RangeError('no row is spare');
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

/** The graphs that change caches, each loaded when it is first needed. */
class DevicePrograms {
  readonly #runtime: Runtime;
  readonly #config: ModelConfig;
  readonly #names: readonly string[];
  readonly #loaded = new Map<string, Promise<Program>>();

  constructor(runtime: Runtime, config: ModelConfig) {
    this.#runtime = runtime;
    this.#config = config;
    this.#names = cacheNames(config);
  }

  /** Rows of a cache that has `steps` steps, with room for `capacity`. */
  regroup(tensors: LayerTensors, rows: readonly number[], steps: number, capacity: number): Promise<LayerTensors> {
    const slots = Array.from({ length: capacity }, (_, slot) => Math.min(slot, steps - 1));
    const inputs = { ...tensors, rows: int32(rows, [rows.length]), slots: int32(slots, [capacity]) };
    return this.#run('regroup', buildCacheRegroup, inputs);
  }

  /** The rows of both, which are freed. */
  async join(first: LayerTensors, second: LayerTensors): Promise<LayerTensors> {
    const joined = await this.#run('join', buildCacheJoin, {
      ...prefixed('first', first),
      ...prefixed('second', second),
    });
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
    const from: number[] = [];
    const to: number[] = [];
    for (const [row, count] of counts.entries()) {
      for (let head = 0; head < this.#config.kvHeads; head++) {
        for (let step = 0; step < count; step++) {
          from.push(row, head, step);
          to.push(row, head, lengths[row]! + step);
        }
      }
    }
    return this.#run('append', buildCacheAppend, {
      ...prefixed('past', past),
      ...prefixed('fresh', fresh),
      from: places(from),
      to: places(to),
    });
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

const prefixed = (prefix: string, tensors: LayerTensors): LayerTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));

/** [n, 3] */
const places = (numbers: readonly number[]): HostTensor => int64(numbers, [numbers.length / 3, 3]);
