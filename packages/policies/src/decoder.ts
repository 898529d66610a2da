// Runs the decode graphs of a model: whole prompts against a shared prefix, then new tokens against what each row
// has kept. It knows tokens, keys and values; which tokens to feed is the caller's business.

import {
  buildDecoder,
  type LoraConfig,
  layRows,
  type ModelConfig,
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
  type Tensors,
} from '@ludic/runtime';
import { type CachedRow, type LayerTensors, type Prefix, RowCache } from './row-cache.ts';

const HIDDEN = -1e9;
/** Fed to rows that do not go on; it leaves no trace. */
const IDLE = Int32Array.of(0);

/** The rows of a run. Their cache is made when somebody goes on from them. */
export class DecodedRows {
  readonly prefix: Prefix | undefined;
  readonly #make: () => RowCache;
  #cache: RowCache | undefined;

  constructor(prefix: Prefix | undefined, make: () => RowCache) {
    this.prefix = prefix;
    this.#make = make;
  }

  get cache(): RowCache {
    this.#cache ??= this.#make();
    return this.#cache;
  }
}

/** A sequence that was fed, as a row of its run. */
export interface KnownRow {
  readonly decoded: DecodedRows;
  readonly row: number;
}

export interface DecodeResult {
  /** Raw logits of the token after the last of each sequence that was fed, [sequences][vocabSize] in one array. */
  readonly logits: Float32Array;
  /** Where each sequence is kept. */
  readonly known: readonly KnownRow[];
}

/** The part of a language model that a decoder runs. Its parameters may change between calls. */
export interface DecodedModel {
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  readonly parameters: ResidentTensors;
  readonly adapter?: { readonly config: LoraConfig; readonly parameters: ResidentTensors };
}

export class Decoder {
  readonly #runtime: Runtime;
  readonly #config: ModelConfig;
  readonly #adapter: LoraConfig | undefined;
  readonly #model: DecodedModel;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(model: DecodedModel) {
    this.#model = model;
    this.#runtime = model.runtime;
    this.#config = model.config;
    this.#adapter = model.adapter?.config;
  }

  /** Keys and values of a prefix, to be shared by the rows of later calls. */
  async prefix(tokens: Int32Array): Promise<Prefix> {
    const inputs = packSequences(this.#config, [tokens]).inputs;
    return { tokens, tensors: (await this.#run(false, false, inputs, [tokens.length - 1])).fresh };
  }

  /** Feeds whole sequences, each beginning with the prefix's tokens and at least one token longer. */
  async prefill(sequences: readonly Int32Array[], prefix: Prefix | undefined): Promise<DecodeResult> {
    const shared = prefix ? prefix.tokens.length : 0;
    const packed = packSequences(this.#config, sequences, shared);
    const inputs = { ...packed.inputs, ...prefixInputs(prefix), key_cut: keyCut(prefix, undefined, packed.steps) };
    const last = sequences.map((sequence, row) => packed.starts[row]! + sequence.length - shared - 1);
    const { logits, fresh } = await this.#run(prefix !== undefined, false, inputs, last);
    const counts = sequences.map((sequence) => sequence.length - shared);
    const decoded = new DecodedRows(prefix, () => RowCache.of(this.#config, prefix, fresh, counts));
    return { logits, known: counts.map((_, row) => ({ decoded, row })) };
  }

  /**
   * Feeds at least one new token to each of some rows of one prefix, a row possibly more than once. Where most rows of a
   * cache go on they are extended where they lie: who has gone on from a row must not go on from it again.
   * @param spare how many more rows the next steps may need
   */
  async extend(known: readonly KnownRow[], tokens: readonly Int32Array[], spare = 0): Promise<DecodeResult> {
    const rows = known.map(({ decoded, row }): CachedRow => ({ cache: decoded.cache, row }));
    const longest = rows.reduce(
      (most, { cache, row }, i) => Math.max(most, cache.lengths[row]! + tokens[i]!.length),
      0,
    );
    const first = known[0]!.decoded;
    const inPlace =
      2 * rows.length >= first.cache.rows &&
      longest <= first.cache.capacity &&
      rows.every(({ cache }) => cache === first.cache) &&
      rows.length - new Set(rows.map(({ row }) => row)).size <= first.cache.spare;
    if (inPlace) {
      const taken = new Set<number>();
      const places = rows.map(({ row }) => {
        if (taken.has(row)) return first.cache.double(row);
        taken.add(row);
        return row;
      });
      return this.#feed(first, places, tokens);
    }
    const gathered = RowCache.gather(this.#config, rows, longest, spare);
    return this.#feed(
      new DecodedRows(gathered.prefix, () => gathered),
      rows.map((_, i) => i),
      tokens,
    );
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#programs.clear();
  }

  /** Feeds new tokens to `rows` of a cache with room for them. */
  async #feed(decoded: DecodedRows, rows: readonly number[], tokens: readonly Int32Array[]): Promise<DecodeResult> {
    const { cache } = decoded;
    const { heads, kvHeads } = this.#config;
    const shared = cache.prefix ? cache.prefix.tokens.length : 0;
    const fed = new Array<Int32Array>(cache.rows).fill(IDLE);
    const counts = new Array<number>(cache.rows).fill(0);
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
    const inputs: Record<string, HostTensor> = {
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
    const { logits, fresh } = await this.#run(cache.prefix !== undefined, true, inputs, last);
    cache.append(fresh, counts);
    return { logits, known: rows.map((row) => ({ decoded, row })) };
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
  ): Promise<{ readonly logits: Float32Array; readonly fresh: LayerTensors }> {
    const key = `${prefix} ${past}`;
    let program = this.#programs.get(key);
    if (!program) {
      program = this.#runtime.load(
        buildDecoder(this.#config, { prefix, past, ...(this.#adapter && { adapter: this.#adapter }) }),
      );
      this.#programs.set(key, program);
    }
    const outputs = await (await program).run({
      ...this.#model.parameters.inputs(),
      ...this.#model.adapter?.parameters.inputs(),
      ...inputs,
      logits_at: int32(logitsAt, [logitsAt.length]),
    });
    const { logits, ...fresh } = outputs;
    const host: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(fresh)) host[name] = await this.#runtime.download(tensor);
    return { logits: floats(await this.#runtime.download(logits!)), fresh: host };
  }
}

const prefixInputs = (prefix: Prefix | undefined): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(prefix?.tensors ?? {}).map(([name, tensor]) => [`prefix_${name}`, tensor]));

/** How many keys come from the prefix, from the past and from the new tokens. */
function keyCut(prefix: Prefix | undefined, past: RowCache | undefined, steps: number): HostTensor {
  const sizes = [...(prefix ? [prefix.tokens.length] : []), ...(past ? [past.capacity] : []), steps];
  return int64(sizes, [sizes.length]);
}

/** [rows, 1, steps · group, shared + capacity + steps]: the prefix, the row's own past, and its new tokens up to each. */
function pastBias(cache: RowCache, shared: number, steps: number, group: number): HostTensor {
  const width = shared + cache.capacity + steps;
  const bias = new Float32Array(cache.rows * steps * group * width);
  for (const [row, length] of cache.lengths.entries()) {
    for (let query = 0; query < steps * group; query++) {
      const begin = (row * steps * group + query) * width;
      const step = Math.floor(query / group);
      bias.fill(HIDDEN, begin + shared + length, begin + shared + cache.capacity);
      bias.fill(HIDDEN, begin + shared + cache.capacity + step + 1, begin + width);
    }
  }
  return float32(bias, [cache.rows, 1, steps * group, width]);
}
