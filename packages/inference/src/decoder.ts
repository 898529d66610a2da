// Runs the decode graphs of a model: prefill of whole prompts against a shared prefix, then new tokens against the KV cache
// of each row. Which tokens to feed is up to the caller.

import {
  buildDecoder,
  type CachedPrefix,
  cacheNames,
  extendInputs,
  prefillInputs,
  samplingInputs,
} from '@ludic/models/internal';
import { floats, type HostTensor, int32, Programs, type Tensors } from '@ludic/runtime';
import { DecodedBatch, type KvRow } from './kv-cache/batch.ts';
import { type CachedRow, free, type KvCache, type KvCacheFactory } from './kv-cache/cache.ts';
import { deviceCaches } from './kv-cache/device-cache.ts';
import { hostCaches } from './kv-cache/host-cache.ts';
import type { LanguageModel } from './language-model.ts';
import type { DrawnToken } from './sampling/distribution.ts';

/** Fed to rows that are not extended: nothing of it is appended to their cache. */
const PADDING = Int32Array.of(0);

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
export type DecoderModel = Pick<LanguageModel, 'runtime' | 'config' | 'parameters' | 'adapter' | 'precision'>;

export class Decoder {
  readonly #model: DecoderModel;
  /** Tensors live in the memory of a device, which has to be freed by hand; ordinary memory is garbage collected. */
  readonly #onDevice: boolean;
  readonly #names: readonly string[];
  readonly #caches: KvCacheFactory;
  readonly #programs: Programs;
  readonly #batches = new Set<DecodedBatch>();
  readonly #prefixes = new Set<CachedPrefix>();

  constructor(model: DecoderModel) {
    const { runtime, config } = model;
    this.#model = model;
    this.#onDevice = runtime.tensors === 'device';
    this.#names = cacheNames(config);
    this.#caches = this.#onDevice ? deviceCaches(runtime, config) : hostCaches(config);
    this.#programs = new Programs(runtime, { keepOnDevice: this.#names });
  }

  /** Keys and values of a prefix, to be shared by the rows of later calls. */
  async prefix(tokens: Int32Array): Promise<CachedPrefix> {
    const { inputs, lastTokens } = prefillInputs(this.#model.config, [tokens]);
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
    const { inputs, lastTokens } = prefillInputs(this.#model.config, sequences, prefix);
    const { fresh, ...result } = await this.#run(prefix !== undefined, false, inputs, lastTokens, request);
    const counts = sequences.map((sequence) => sequence.length - shared);
    const batch = this.#track(new DecodedBatch(prefix, fresh, () => this.#caches.of(prefix, fresh, counts)));
    return { ...result, kv: counts.map((_, row) => ({ batch, row })) };
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
    const rows: CachedRow[] = [];
    for (const { batch, row } of kv) rows.push({ cache: await batch.cache(), row });
    const longest = rows.reduce(
      (most, { cache, row }, i) => Math.max(most, cache.lengths[row]! + tokens[i]!.length),
      0,
    );
    const first = kv[0]!.batch;
    const own = rows[0]!.cache;
    const inPlace =
      2 * rows.length >= own.lengths.length &&
      longest <= own.capacity &&
      rows.every(({ cache }) => cache === own) &&
      rows.length - new Set(rows.map(({ row }) => row)).size <= own.spare;
    if (inPlace) {
      const taken = new Set<number>();
      const indices = rows.map(({ row }) => {
        if (taken.has(row)) return own.fork(row);
        taken.add(row);
        return row;
      });
      return this.#feed(first, own, indices, tokens, request);
    }
    const { cache, indices } = await this.#caches.gather(rows, longest, spare);
    const gathered = this.#track(new DecodedBatch(cache.prefix, {}, async () => cache));
    await gathered.cache();
    return this.#feed(gathered, cache, indices, tokens, request);
  }

  /** Frees the keys and values of all batches but these, and of all prefixes but theirs and `prefix`. */
  async release(kept: ReadonlySet<DecodedBatch>, prefix: CachedPrefix | undefined): Promise<void> {
    const prefixes = new Set([prefix, ...Array.from(kept, (batch) => batch.prefix)]);
    for (const batch of [...this.#batches]) {
      if (kept.has(batch)) continue;
      this.#batches.delete(batch);
      await batch.dispose();
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

  #track(batch: DecodedBatch): DecodedBatch {
    if (this.#onDevice) this.#batches.add(batch);
    return batch;
  }

  /** Feeds new tokens to `rows` of a cache with room for them. */
  async #feed(
    batch: DecodedBatch,
    cache: KvCache,
    rows: readonly number[],
    tokens: readonly Int32Array[],
    request: DecodeRequest,
  ): Promise<DecodeResult> {
    const fed = new Array<Int32Array>(cache.lengths.length).fill(PADDING);
    const counts = new Array<number>(cache.lengths.length).fill(0);
    for (const [i, row] of rows.entries()) {
      fed[row] = tokens[i]!;
      counts[row] = tokens[i]!.length;
    }
    const { inputs, lastTokens } = extendInputs(this.#model.config, fed, cache, cache.prefix);
    const last = rows.map((row) => lastTokens[row]!);
    const { fresh, ...result } = await this.#run(cache.prefix !== undefined, true, inputs, last, request);
    await cache.append(fresh, counts);
    return { ...result, kv: rows.map((row) => ({ batch, row })) };
  }

  async #run(
    prefix: boolean,
    past: boolean,
    inputs: Tensors,
    logitPositions: readonly number[],
    request: DecodeRequest,
  ): Promise<Omit<DecodeResult, 'kv'> & { readonly fresh: Tensors }> {
    const { kind } = request;
    const { config, parameters, adapter, precision } = this.#model;
    const program = await this.#programs.get(`${prefix} ${past} ${kind}`, () =>
      buildDecoder(config, {
        prefix,
        past,
        ...(adapter && { adapter: adapter.config }),
        ...(kind !== 'logits' && { sampling: kind }),
        precision,
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
