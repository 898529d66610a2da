// Runs the decode graphs of a model: prefill of whole prompts against a shared prefix, then new tokens against the KV cache
// of each row. Which tokens to feed is up to the caller.

import {
  buildDecoder,
  type CachedPrefix,
  cacheNames,
  type DecodeInputs,
  extendInputs,
  freshRows,
  noPrefix,
  prefillInputs,
  runsByLength,
  samplingInputs,
} from '@ludic/models/internal';
import { floats, type HostTensor, int32, Programs, type Tensors } from '@ludic/runtime';
import type { KvCache, KvCacheFactory, KvRow } from './kv-cache/batch.ts';
import { deviceCaches, free } from './kv-cache/device-cache.ts';
import { hostCaches } from './kv-cache/host-cache.ts';
import type { LanguageModel } from './language-model.ts';
import type { DrawnToken } from './sampling/distribution.ts';

/** Numbers that stay in the cache of a core while an operator takes them over from the one before. */
const CACHED_NUMBERS = 2 ** 18;
/** A run reads all parameters: it computes at least so much that this takes little of its time. */
const PARAMETERS_PER_NUMBER = 64;

/** What a row is fed that waits. */
const NOTHING = new Int32Array();

/** What a run returns of the tokens that follow the sequences that are fed: their logits, or tokens drawn on the device. */
export type DecodeRequest =
  | { readonly kind: 'logits' }
  /** The most likely token after each sequence of `sequenceOf`. */
  | { readonly kind: 'greedy'; readonly sequenceOf: readonly number[] }
  /** One token for each uniform number in [0, 1), after the sequence `sequenceOf`. */
  | {
      readonly kind: 'sample';
      readonly sequenceOf: readonly number[];
      readonly uniforms: readonly number[];
      readonly temperature: number;
    };

export interface DecodeResult {
  /** [sequences · vocabSize] Raw logits of the token that follows each sequence, where they were requested; else empty. */
  readonly logits: Float32Array;
  /** One token for each element of `sequenceOf`, where they were requested; else empty. */
  readonly drawn: readonly DrawnToken[];
  /** Keys and values of each sequence that was fed. */
  readonly kv: readonly KvRow[];
}

/** The part of a language model that a decoder runs. Its parameters may change between calls. */
export type DecoderModel = Pick<
  LanguageModel,
  'runtime' | 'config' | 'parameters' | 'adapter' | 'precision' | 'baseBits'
>;

export class Decoder {
  readonly #model: DecoderModel;
  /** Tensors live in the memory of a device, which has to be freed by hand; ordinary memory is garbage collected. */
  readonly #onDevice: boolean;
  readonly #numbersPerRun: number;
  readonly #names: readonly string[];
  readonly #caches: KvCacheFactory;
  readonly #programs: Programs;
  readonly #batches = new Set<KvCache>();
  readonly #prefixes = new Set<CachedPrefix>();

  constructor(model: DecoderModel) {
    const { runtime, config } = model;
    this.#model = model;
    this.#onDevice = runtime.tensors === 'device';
    this.#numbersPerRun = Math.max(CACHED_NUMBERS, countParameters(model) / PARAMETERS_PER_NUMBER);
    this.#names = cacheNames(config);
    this.#caches = this.#onDevice ? deviceCaches(runtime, config) : hostCaches(config);
    this.#programs = new Programs(runtime, { keepOnDevice: this.#names });
  }

  /** Keys and values of a prefix, to be shared by the rows of later calls. */
  async prefix(tokens: Int32Array): Promise<CachedPrefix> {
    const { inputs, lastTokens } = this.#prefillInputs([tokens]);
    // The next token is not needed: on a device, a request for no tokens saves reading the logits back.
    const request: DecodeRequest = this.#onDevice ? { kind: 'greedy', sequenceOf: [] } : { kind: 'logits' };
    const { fresh } = await this.#run(false, false, inputs, lastTokens, request);
    const prefix = { tokens, tensors: fresh };
    if (this.#onDevice) this.#prefixes.add(prefix);
    return prefix;
  }

  /** Feeds whole sequences, each beginning with the prefix's tokens and at least one token longer. */
  async prefill(
    sequences: readonly Int32Array[],
    prefix: CachedPrefix | undefined,
    request: DecodeRequest = { kind: 'logits' },
  ): Promise<DecodeResult> {
    const shared = prefix ? prefix.tokens.length : 0;
    const all = sequences.map((sequence) => sequence.length - shared);
    const runs = this.#runs(all, request).flatMap((run) => {
      const steps = run.reduce((most, i) => Math.max(most, all[i]!), 0);
      return this.#onDevice ? [run] : cut(run, this.#rowsPerRun(steps, shared + steps));
    });
    return this.#inRuns(runs, all.length, async (run) => {
      const chosen = run.map((i) => sequences[i]!);
      const { inputs, lastTokens } = this.#prefillInputs(chosen, prefix);
      const { fresh, ...result } = await this.#run(prefix !== undefined, false, inputs, lastTokens, request);
      const counts = run.map((i) => all[i]!);
      const batch = this.#track(this.#caches.of(prefix, fresh, counts));
      return { ...result, kv: counts.map((_, row) => ({ batch, row })) };
    });
  }

  /**
   * Feeds at least one new token to each of some rows of one prefix, a row possibly more than once. Where most rows of a
   * cache continue, they are extended in place: a row that was extended must not be extended a second time.
   * @param spare how many more rows the next steps may need
   */
  async extend(
    kv: readonly KvRow[],
    tokens: readonly Int32Array[],
    spare = 0,
    request: DecodeRequest = { kind: 'logits' },
  ): Promise<DecodeResult> {
    const lengths = tokens.map(({ length }) => length);
    const longestOf = (run: readonly number[]) =>
      run.reduce((most, i) => Math.max(most, lengthOf(kv[i]!) + lengths[i]!), 0);
    const runs = this.#runs(lengths, request);
    // A row of two runs stays as it is for the other.
    const mayStay = runs.length === 1 || forks(kv) === 0;
    const feed = async (run: readonly number[]) => {
      const chosen = run.map((i) => kv[i]!);
      const longest = longestOf(run);
      const rows =
        (mayStay && this.#inPlace(chosen, longest)) ||
        (await this.#caches.gather(chosen, roomFor(longest), Math.min(spare, run.length)));
      const { batch } = rows[0]!;
      this.#track(batch);
      this.#freeCopied(chosen, batch);
      const fed = new Array<Int32Array>(batch.lengths.length).fill(NOTHING);
      for (const [i, { row }] of rows.entries()) fed[row] = tokens[run[i]!]!;
      const order = rows.map(({ row }) => row);
      return { ...(await this.#extendRows(batch, fed, order, request)), kv: rows };
    };
    return this.#inRuns(
      runs.flatMap((run) => this.#byCache(run, kv, longestOf)),
      kv.length,
      feed,
    );
  }

  /** Whether a copy of so many rows costs more than a run of their own. */
  #isLarge(rows: number, { capacity }: KvCache): boolean {
    const { layers, kvHeads, headDim } = this.#model.config;
    return rows * capacity * 2 * layers * kvHeads * headDim > CACHED_NUMBERS * 8;
  }

  /** A run for each cache in ordinary memory whose rows are better extended where they are, and one for all others. */
  #byCache(
    run: readonly number[],
    kv: readonly KvRow[],
    longestOf: (run: readonly number[]) => number,
  ): readonly (readonly number[])[] {
    if (this.#onDevice) return [run];
    const own = [...Map.groupBy(run, (i) => kv[i]!.batch)].flatMap(([batch, rows]) =>
      this.#isLarge(rows.length, batch) && longestOf(rows) <= batch.room ? [rows] : [],
    );
    const alone = new Set(own.flat());
    const others = run.filter((i) => !alone.has(i));
    return others.length > 0 ? [...own, others] : own;
  }

  /** Feeds rows of a cache, one by one `fed`, and appends to them. @param answered rows whose next token is wanted, in order */
  async #extendRows(
    batch: KvCache,
    fed: readonly Int32Array[],
    answered: readonly number[],
    request: DecodeRequest,
  ): Promise<Omit<DecodeResult, 'kv'>> {
    if (this.#onDevice) return this.#extendPart(batch, fed, answered, request);
    const { vocabSize } = this.#model.config;
    const logits = new Float32Array(answered.length * vocabSize);
    const places = new Map(answered.map((row, i) => [row, i]));
    const steps = fed.reduce((most, { length }) => Math.max(most, length), 0);
    const keys = (batch.prefix?.tokens.length ?? 0) + batch.capacity + steps;
    for (const [from, to] of parts(fed, this.#rowsPerRun(steps, keys))) {
      const own = fed.slice(from, to);
      const last = [...own.keys()].filter((row) => own[row]!.length > 0);
      const result = await this.#extendPart(batch.part(from, to), own, last, request);
      const order = last.map((row) => places.get(from + row)!);
      copyRows(result.logits, logits, order, vocabSize);
    }
    return { logits, drawn: [] };
  }

  async #extendPart(
    rows: KvCache,
    fed: readonly Int32Array[],
    answered: readonly number[],
    request: DecodeRequest,
  ): Promise<Omit<DecodeResult, 'kv'>> {
    const { config, baseBits } = this.#model;
    const prefix = rows.prefix ?? (baseBits && noPrefix(config));
    const { inputs, lastTokens } = extendInputs(config, fed, rows, prefix);
    const last = answered.map((row) => lastTokens[row]!);
    const { fresh, ...result } = await this.#run(prefix !== undefined, true, inputs, last, request);
    await rows.append(
      fresh,
      fed.map(({ length }) => length),
    );
    return result;
  }

  /** Rows of a run whose activations stay in the cache of a core, where it takes half the time. */
  #rowsPerRun(steps: number, keys: number): number {
    const { heads, intermediateSize } = this.#model.config;
    return Math.ceil(this.#numbersPerRun / (steps * (intermediateSize + heads * keys)));
  }

  /** Frees batches on a device whose rows have all been copied to another. */
  #freeCopied(kv: readonly KvRow[], copy: KvCache): void {
    if (!this.#onDevice) return;
    for (const [batch, rows] of Map.groupBy(kv, (one) => one.batch)) {
      if (batch === copy || new Set(rows.map(({ row }) => row)).size < batch.lengths.length) continue;
      this.#batches.delete(batch);
      batch.dispose();
    }
  }

  /** Which rows to feed in a run, where several save much padding. A run on a device costs more than that. */
  #runs(lengths: readonly number[], { kind }: DecodeRequest): readonly (readonly number[])[] {
    return this.#onDevice || kind !== 'logits' ? [[...lengths.keys()]] : runsByLength(lengths);
  }

  async #inRuns(
    runs: readonly (readonly number[])[],
    sequences: number,
    feed: (run: readonly number[]) => Promise<DecodeResult>,
  ): Promise<DecodeResult> {
    if (runs.length === 1) return feed(runs[0]!);
    const { vocabSize } = this.#model.config;
    const logits = new Float32Array(sequences * vocabSize);
    const kv = new Array<KvRow>(sequences);
    for (const run of runs) {
      const result = await feed(run);
      copyRows(result.logits, logits, run, vocabSize);
      for (const [i, sequence] of run.entries()) kv[sequence] = result.kv[i]!;
    }
    return { logits, drawn: [], kv };
  }

  /** The rows themselves where they are most of one batch with room for `longest` tokens; what is given twice is forked. */
  #inPlace(kv: readonly KvRow[], longest: number): KvRow[] | undefined {
    const { batch } = kv[0]!;
    const taken = new Set<number>();
    if (kv.some((one) => one.batch !== batch) || longest > batch.room) return undefined;
    if (2 * kv.length < batch.lengths.length && (this.#onDevice || !this.#isLarge(kv.length, batch))) return undefined;
    if (forks(kv) > batch.spare) return undefined;
    if (longest > batch.capacity) batch.grow(Math.min(batch.room, roomFor(longest)));
    return kv.map((one) => {
      if (taken.has(one.row)) return { batch, row: batch.fork(one.row) };
      taken.add(one.row);
      return one;
    });
  }

  /** Frees the keys and values of all batches but these, and of all prefixes but theirs and `prefix`. */
  async release(kept: ReadonlySet<KvCache>, prefix: CachedPrefix | undefined): Promise<void> {
    const prefixes = new Set([prefix, ...Array.from(kept, (batch) => batch.prefix)]);
    for (const batch of [...this.#batches]) {
      if (kept.has(batch)) continue;
      this.#batches.delete(batch);
      batch.dispose();
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
    await this.#programs.dispose();
  }

  #track(batch: KvCache): KvCache {
    if (this.#onDevice) this.#batches.add(batch);
    return batch;
  }

  /** As the inputs of the one program that holds weights: its rows have a past, of no tokens. */
  #prefillInputs(sequences: readonly Int32Array[], prefix?: CachedPrefix): DecodeInputs {
    const { config, baseBits } = this.#model;
    if (!baseBits) return prefillInputs(config, sequences, prefix);
    const known = prefix ?? noPrefix(config);
    const fed = sequences.map((sequence) => sequence.subarray(known.tokens.length));
    return extendInputs(config, fed, freshRows(config, fed.length), known);
  }

  async #run(
    prefix: boolean,
    past: boolean,
    inputs: Tensors,
    logitPositions: readonly number[],
    request: DecodeRequest,
  ): Promise<Omit<DecodeResult, 'kv'> & { readonly fresh: Tensors }> {
    const { kind } = request;
    const { config, parameters, adapter, precision, baseBits } = this.#model;
    // A program that holds weights is one for all runs, so that they are in memory once.
    const held = baseBits && (await parameters.download());
    const program = await this.#programs.get(held ? 'held' : `${prefix} ${past} ${kind}`, () =>
      buildDecoder(config, {
        prefix: prefix || held !== undefined,
        past: past || held !== undefined,
        adapter: adapter?.config,
        ...(kind !== 'logits' && { sampling: kind }),
        precision,
        baseBits,
        held,
      }),
    );
    const outputs = await program.run({
      ...parameters.inputs(),
      ...adapter?.parameters.inputs(),
      ...inputs,
      ...(kind === 'sample' && samplingInputs(request.sequenceOf, request.uniforms, request.temperature)),
      logit_positions: int32(logitPositions, [logitPositions.length]),
    });
    const fresh = Object.fromEntries(this.#names.map((name) => [name, outputs[name]!]));
    const numbers = (name: string) => (outputs[name] as HostTensor).data as ArrayLike<number | bigint>;
    if (kind === 'logits') return { fresh, logits: floats(outputs.logits as HostTensor), drawn: [] };
    const tokens = numbers('tokens');
    const drawn = request.sequenceOf.map(
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

/** Capacity with room for some more steps: every slot costs attention and copies, growing a full cache costs more. */
const roomFor = (length: number): number => Math.ceil(length * 1.1) + 8;

/** Neighbouring pieces of about equal size. */
function cut(rows: readonly number[], most: number): (readonly number[])[] {
  const size = Math.ceil(rows.length / Math.ceil(rows.length / most));
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));
}

/** Rows between others that are computed in vain rather than in two runs. */
const WORTH_A_RUN = 8;

/** Neighbouring rows that are fed, at most so many together, with few others between them: the first, and the one after the last. */
function* parts(fed: readonly Int32Array[], most: number): Generator<readonly [from: number, to: number]> {
  let from = 0;
  let to = 0;
  for (const [row, { length }] of fed.entries()) {
    if (length === 0) continue;
    if (to > from && (row - to >= WORTH_A_RUN || row - from >= most)) yield [from, to];
    if (to === from || row - to >= WORTH_A_RUN || row - from >= most) from = row;
    to = row + 1;
  }
  yield [from, to];
}

/** Copies row `i` of `from` to row `order[i]` of `to`. */
function copyRows(from: Float32Array, to: Float32Array, order: readonly number[], width: number): void {
  for (const [i, row] of order.entries()) to.set(from.subarray(i * width, (i + 1) * width), row * width);
}

function countParameters({ parameters }: DecoderModel): number {
  let sum = 0;
  for (const dims of parameters.shapes.values()) sum += dims.reduce((a, b) => a * b, 1);
  return sum;
}

const lengthOf = ({ batch, row }: KvRow): number => batch.lengths[row]!;

/** How many rows are given that were given before. */
function forks(kv: readonly KvRow[]): number {
  const rowsOf = Map.groupBy(kv, ({ batch }) => batch);
  let distinct = 0;
  for (const rows of rowsOf.values()) distinct += new Set(rows.map(({ row }) => row)).size;
  return kv.length - distinct;
}
