// Runs the decode graphs of a model: whole prompts against a shared prefix, then new tokens against what each row
// has kept. It knows tokens, keys and values; which tokens to feed is the caller's business.

import {
  buildDecoder,
  cacheNames,
  HIDDEN,
  type LoraConfig,
  layRows,
  type ModelConfig,
  type Precision,
  packSequences,
  rotaryInputs,
  span,
  tokenTensors,
  windowBias,
} from '@ludic/models';
import {
  float32,
  floats,
  type HostTensor,
  int32,
  int64,
  type Program,
  type ResidentTensors,
  type Runtime,
  scalar,
  type Tensor,
  type Tensors,
} from '@ludic/runtime';
import {
  type CachedRow,
  type Caches,
  disposeAll,
  free,
  type LayerTensors,
  type Prefix,
  type RowCache,
} from './kv-cache/cache.ts';
import { deviceCaches } from './kv-cache/device-cache.ts';
import { hostCaches } from './kv-cache/host-cache.ts';

/** Fed to rows that do not go on; it leaves no trace. */
const IDLE = Int32Array.of(0);

/** The rows of a run. Their cache is made when somebody goes on from them. */
export class DecodedRows {
  readonly prefix: Prefix | undefined;
  readonly #make: () => Promise<RowCache>;
  readonly #fresh: LayerTensors;
  #cache: Promise<RowCache> | undefined;

  /** @param fresh what `make` makes the cache of */
  constructor(prefix: Prefix | undefined, fresh: LayerTensors, make: () => Promise<RowCache>) {
    this.prefix = prefix;
    this.#fresh = fresh;
    this.#make = make;
  }

  cache(): Promise<RowCache> {
    this.#cache ??= this.#make();
    return this.#cache;
  }

  async dispose(): Promise<void> {
    if (!this.#cache) return free(this.#fresh);
    await this.#cache.then(
      (cache) => cache.dispose(),
      // Whoever wanted it has heard why there is none.
      () => free(this.#fresh),
    );
  }
}

/** A sequence that was fed, as a row of its run. */
export interface KnownRow {
  readonly decoded: DecodedRows;
  readonly row: number;
}

/** What is wanted of the tokens that come after the sequences that are fed. */
export type Wanted =
  | { readonly kind: 'logits' }
  /** The most likely token of each draw. */
  | { readonly kind: 'greedy'; readonly sequenceOf: readonly number[] }
  /** One token for each uniform number in [0, 1), after the sequence `sequenceOf`. */
  | {
      readonly kind: 'sample';
      readonly sequenceOf: readonly number[];
      readonly uniforms: readonly number[];
      readonly temperature: number;
    };

export interface DrawnToken {
  readonly token: number;
  /** log π, in nats. */
  readonly logprob: number;
  /** Of the distribution that it was drawn from, in nats. */
  readonly entropy: number;
}

export interface DecodeResult {
  /** Raw logits of the token after the last of each sequence that was fed, [sequences][vocabSize] in one array, if wanted. */
  readonly logits: Float32Array;
  /** The tokens that were drawn, if wanted. */
  readonly drawn: readonly DrawnToken[];
  /** Where each sequence is kept. */
  readonly known: readonly KnownRow[];
}

/** An adapter where the model computes. */
export interface ResidentAdapter {
  readonly config: LoraConfig;
  readonly parameters: ResidentTensors;
}

/** The part of a language model that a decoder runs. Its parameters may change between calls. */
export interface DecodedModel {
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  readonly parameters: ResidentTensors;
  readonly adapter?: ResidentAdapter;
  /** What matrix products are taken in; by default float32. */
  readonly precision?: Precision;
}

export class Decoder {
  readonly #model: DecodedModel;
  readonly #runtime: Runtime;
  readonly #config: ModelConfig;
  readonly #adapter: LoraConfig | undefined;
  readonly #caches: Caches;
  readonly #programs = new Map<string, Promise<Program>>();
  readonly #rows = new Set<DecodedRows>();
  readonly #prefixes = new Set<Prefix>();

  constructor(model: DecodedModel) {
    this.#model = model;
    this.#runtime = model.runtime;
    this.#config = model.config;
    this.#adapter = model.adapter?.config;
    this.#caches =
      model.runtime.tensors === 'host' ? hostCaches(model.config) : deviceCaches(model.runtime, model.config);
  }

  /** Keys and values of a prefix, to be shared by the rows of later calls. */
  async prefix(tokens: Int32Array): Promise<Prefix> {
    const inputs = packSequences(this.#config, [tokens]).inputs;
    // Nothing is asked of what comes next. Where tokens can be drawn on the device, not even the logits come back.
    const wanted: Wanted = this.#runtime.tensors === 'device' ? { kind: 'greedy', sequenceOf: [] } : { kind: 'logits' };
    const { fresh } = await this.#run(false, false, inputs, [tokens.length - 1], wanted);
    const prefix = { tokens, tensors: fresh };
    if (this.#runtime.tensors === 'device') this.#prefixes.add(prefix);
    return prefix;
  }

  /** Feeds whole sequences, each beginning with the prefix's tokens and at least one token longer. */
  async prefill(
    sequences: readonly Int32Array[],
    prefix: Prefix | undefined,
    wanted: Wanted = { kind: 'logits' },
  ): Promise<DecodeResult> {
    const shared = prefix ? prefix.tokens.length : 0;
    const packed = packSequences(this.#config, sequences, shared);
    const inputs = { ...packed.inputs, ...prefixInputs(prefix), key_cut: keyCut(prefix, undefined, packed.steps) };
    const last = sequences.map((sequence, row) => packed.starts[row]! + sequence.length - shared - 1);
    const { fresh, ...answers } = await this.#run(prefix !== undefined, false, inputs, last, wanted);
    const counts = sequences.map((sequence) => sequence.length - shared);
    const decoded = this.#keep(new DecodedRows(prefix, fresh, () => this.#caches.of(prefix, fresh, counts)));
    return { ...answers, known: counts.map((_, row) => ({ decoded, row })) };
  }

  /**
   * Feeds at least one new token to each of some rows of one prefix, a row possibly more than once. Where most rows of a
   * cache go on they are extended where they lie: who has gone on from a row must not go on from it again.
   * @param spare how many more rows the next steps may need
   */
  async extend(
    known: readonly KnownRow[],
    tokens: readonly Int32Array[],
    spare = 0,
    wanted: Wanted = { kind: 'logits' },
  ): Promise<DecodeResult> {
    const rows: CachedRow[] = [];
    for (const { decoded, row } of known) rows.push({ cache: await decoded.cache(), row });
    const longest = rows.reduce(
      (most, { cache, row }, i) => Math.max(most, cache.lengths[row]! + tokens[i]!.length),
      0,
    );
    const first = known[0]!.decoded;
    const own = rows[0]!.cache;
    const inPlace =
      2 * rows.length >= own.lengths.length &&
      longest <= own.capacity &&
      rows.every(({ cache }) => cache === own) &&
      rows.length - new Set(rows.map(({ row }) => row)).size <= own.spare;
    if (inPlace) {
      const taken = new Set<number>();
      const places = rows.map(({ row }) => {
        if (taken.has(row)) return own.double(row);
        taken.add(row);
        return row;
      });
      return this.#feed(first, own, places, tokens, wanted);
    }
    const { cache, places } = await this.#caches.gather(rows, longest, spare);
    const gathered = this.#keep(new DecodedRows(cache.prefix, {}, async () => cache));
    await gathered.cache();
    return this.#feed(gathered, cache, places, tokens, wanted);
  }

  /** Frees the keys and values of all rows but these, and of all prefixes but theirs and `prefix`. */
  async release(kept: ReadonlySet<DecodedRows>, prefix: Prefix | undefined): Promise<void> {
    const prefixes = new Set([prefix, ...Array.from(kept, (rows) => rows.prefix)]);
    for (const rows of [...this.#rows]) {
      if (kept.has(rows)) continue;
      this.#rows.delete(rows);
      await rows.dispose();
    }
    for (const one of [...this.#prefixes]) {
      if (prefixes.has(one)) continue;
      this.#prefixes.delete(one);
      free(one.tensors);
    }
  }

  async dispose(): Promise<void> {
    await this.release(new Set(), undefined);
    await this.#caches.dispose();
    await disposeAll(this.#programs.values());
    this.#programs.clear();
  }

  /** Remembers what must be freed; ordinary memory frees itself. */
  #keep(rows: DecodedRows): DecodedRows {
    if (this.#runtime.tensors === 'device') this.#rows.add(rows);
    return rows;
  }

  /** Feeds new tokens to `rows` of a cache with room for them. */
  async #feed(
    decoded: DecodedRows,
    cache: RowCache,
    rows: readonly number[],
    tokens: readonly Int32Array[],
    wanted: Wanted,
  ): Promise<DecodeResult> {
    const { heads, kvHeads } = this.#config;
    const shared = cache.prefix ? cache.prefix.tokens.length : 0;
    const fed = new Array<Int32Array>(cache.lengths.length).fill(IDLE);
    const counts = new Array<number>(cache.lengths.length).fill(0);
    for (const [i, row] of rows.entries()) {
      fed[row] = tokens[i]!;
      counts[row] = tokens[i]!.length;
    }
    const layout = layRows(fed.map((fresh) => fresh.length));
    const ids = new Int32Array(layout.tokens);
    const positions = new Int32Array(layout.tokens);
    let longest = 0;
    for (const [row, fresh] of fed.entries()) {
      const begin = layout.starts[row]!;
      ids.set(fresh, begin);
      for (let i = 0; i < fresh.length; i++) positions[begin + i] = shared + cache.lengths[row]! + i;
      longest = Math.max(longest, shared + cache.lengths[row]! + fresh.length);
    }
    const inputs: Record<string, Tensor> = {
      ...tokenTensors(this.#config, ids, positions),
      ...rotaryInputs(this.#config, longest),
      ...layout.inputs,
      bias: pastBias(cache, shared, layout.steps, heads / kvHeads),
      ...this.#localBias(cache, shared, layout.steps),
      ...prefixInputs(cache.prefix),
      key_cut: keyCut(cache.prefix, cache, layout.steps),
    };
    for (const [name, tensor] of Object.entries(cache.tensors)) inputs[`past_${name}`] = tensor;
    const last = rows.map((row) => layout.starts[row]! + counts[row]! - 1);
    const { fresh, ...answers } = await this.#run(cache.prefix !== undefined, true, inputs, last, wanted);
    await cache.append(fresh, counts);
    return { ...answers, known: rows.map((row) => ({ decoded, row })) };
  }

  /** What layers with a sliding window see. */
  #localBias(cache: RowCache, shared: number, steps: number): Record<string, HostTensor> {
    const { slidingWindow, heads, kvHeads } = this.#config;
    if (!slidingWindow) return {};
    const rows = Array.from(cache.lengths, (length) => {
      const past = span(shared, cache.capacity).map((position) => (position < shared + length ? position : -1));
      const own = span(shared + length, steps);
      return { queries: own, keys: [...span(0, shared), ...past, ...own] };
    });
    return { local_bias: windowBias(rows, slidingWindow.size, heads / kvHeads) };
  }

  async #run(
    prefix: boolean,
    past: boolean,
    inputs: Tensors,
    logitsAt: readonly number[],
    wanted: Wanted,
  ): Promise<Omit<DecodeResult, 'known'> & { readonly fresh: LayerTensors }> {
    const { kind } = wanted;
    const key = `${prefix} ${past} ${kind}`;
    let program = this.#programs.get(key);
    if (!program) {
      program = this.#runtime.load(
        buildDecoder(this.#config, {
          prefix,
          past,
          ...(this.#adapter && { adapter: this.#adapter }),
          ...(kind !== 'logits' && { draw: kind }),
          precision: this.#model.precision,
        }),
        { keepOnDevice: cacheNames(this.#config) },
      );
      this.#programs.set(key, program);
    }
    const outputs = await (await program).run({
      ...this.#model.parameters.inputs(),
      ...this.#model.adapter?.parameters.inputs(),
      ...inputs,
      ...(kind === 'sample' && drawInputs(wanted)),
      logits_at: int32(logitsAt, [logitsAt.length]),
    });
    const fresh = Object.fromEntries(cacheNames(this.#config).map((name) => [name, outputs[name]!]));
    const numbers = (name: string) => (outputs[name] as HostTensor).data as ArrayLike<number | bigint>;
    if (kind === 'logits') return { fresh, logits: floats(outputs.logits as HostTensor), drawn: [] };
    const tokens = numbers('tokens');
    const drawn = wanted.sequenceOf.map(
      (sequence, i): DrawnToken =>
        kind === 'greedy'
          ? { token: Number(tokens[sequence]), logprob: 0, entropy: 0 }
          : {
              token: Number(tokens[i]),
              logprob: Number(numbers('logprobs')[i]),
              entropy: Number(numbers('entropies')[i]),
            },
    );
    return { fresh, logits: NO_LOGITS, drawn };
  }
}

const NO_LOGITS = new Float32Array();
/** The largest float32 below 1. */
const BELOW_ONE = 1 - 2 ** -24;

function drawInputs({ sequenceOf, uniforms, temperature }: Wanted & { kind: 'sample' }): Record<string, HostTensor> {
  return {
    draw_at: int32(sequenceOf, [sequenceOf.length]),
    uniforms: float32(
      uniforms.map((uniform) => Math.min(uniform, BELOW_ONE)),
      [uniforms.length],
    ),
    inverse_temperature: scalar(1 / temperature),
  };
}

const prefixInputs = (prefix: Prefix | undefined): LayerTensors =>
  Object.fromEntries(Object.entries(prefix?.tensors ?? {}).map(([name, tensor]) => [`prefix_${name}`, tensor]));

/** How many keys come from the prefix, from the past and from the new tokens. */
function keyCut(prefix: Prefix | undefined, past: RowCache | undefined, steps: number): HostTensor {
  const sizes = [...(prefix ? [prefix.tokens.length] : []), ...(past ? [past.capacity] : []), steps];
  return int64(sizes, [sizes.length]);
}

/** [rows, 1, steps · group, shared + capacity + steps]: the prefix, the row's own past, and its new tokens up to each. */
function pastBias(cache: RowCache, shared: number, steps: number, group: number): HostTensor {
  const width = shared + cache.capacity + steps;
  const bias = new Float32Array(cache.lengths.length * steps * group * width);
  for (const [row, length] of cache.lengths.entries()) {
    for (let query = 0; query < steps * group; query++) {
      const begin = (row * steps * group + query) * width;
      const step = Math.floor(query / group);
      bias.fill(HIDDEN, begin + shared + length, begin + shared + cache.capacity);
      bias.fill(HIDDEN, begin + shared + cache.capacity + step + 1, begin + width);
    }
  }
  return float32(bias, [cache.lengths.length, 1, steps * group, width]);
}
