// Runs the decode graphs of a model: whole prompts against a shared prefix, then new tokens against what each row
// has kept. It knows tokens, keys and values; which tokens to feed is the caller's business.

import { buildDecoder, layRows, type ModelConfig, packSequences, rotaryInputs } from '@ludic/models';
import { float32, floats, type HostTensor, int64, type Program, type Runtime, type Tensors } from '@ludic/runtime';

const HIDDEN = -1e9;

/** Keys and values of tokens that all rows share. */
export interface Prefix {
  readonly tokens: Int32Array;
  /** `prefix_key.L`, `prefix_value.L`: [1, kvHeads, tokens, headDim] */
  readonly inputs: Tensors;
}

/** Keys and values of the rows of a batch, beyond the prefix: per layer [rows, kvHeads, capacity, headDim]. */
export interface RowCache {
  readonly prefix: Prefix | undefined;
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
  readonly capacity: number;
  /** Tokens of each row in the cache. */
  readonly lengths: Int32Array;
}

export interface DecodeResult {
  /** Raw logits of the token after each row's last, [rows][vocabSize] in one array. */
  readonly logits: Float32Array;
  /** Builds the cache of the rows; call it only where a row goes on. */
  readonly cache: () => RowCache;
}

export class Decoder {
  readonly #runtime: Runtime;
  readonly #config: ModelConfig;
  readonly #parameters: Tensors;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(runtime: Runtime, config: ModelConfig, parameters: Tensors) {
    this.#runtime = runtime;
    this.#config = config;
    this.#parameters = parameters;
  }

  /** Keys and values of a prefix, to be shared by the rows of later calls. */
  async prefix(tokens: Int32Array): Promise<Prefix> {
    const outputs = await this.#run(false, false, packSequences(this.#config, [tokens], 0).inputs, [tokens.length - 1]);
    const inputs: Record<string, HostTensor> = {};
    for (let layer = 0; layer < this.#config.layers; layer++) {
      inputs[`prefix_key.${layer}`] = outputs[`key.${layer}`]!;
      inputs[`prefix_value.${layer}`] = outputs[`value.${layer}`]!;
    }
    return { tokens, inputs };
  }

  /** Feeds whole sequences, each beginning with the prefix's tokens and at least one token longer. */
  async prefill(sequences: readonly Int32Array[], prefix: Prefix | undefined): Promise<DecodeResult> {
    const shared = prefix ? prefix.tokens.length : 0;
    const packed = packSequences(this.#config, sequences, shared);
    const {
      prefix_bias: _,
      token_cut: __,
      key_cut: ___,
      ids,
      positions,
      ...rest
    } = packed.inputs as Record<string, HostTensor>;
    // The prefix is already known: only the tokens of the rows are fed.
    const rowTokens = (tensor: HostTensor) => {
      const data = (tensor.data as BigInt64Array).subarray(shared);
      return { ...tensor, data, dims: [data.length] };
    };
    const inputs = { ...rest, ids: rowTokens(ids!), positions: rowTokens(positions!), ...prefix?.inputs };
    const last = sequences.map((sequence, row) => packed.tokenAt(row, sequence.length - 1) - shared);
    const outputs = await this.#run(prefix !== undefined, false, inputs, last);
    const lengths = Int32Array.from(sequences, (sequence) => sequence.length - shared);
    return { logits: floats(outputs.logits!), cache: () => this.#newCache(outputs, lengths, prefix) };
  }

  /**
   * Feeds at least one new token to each of `rows` of a cache, a row possibly more than once. Where every row goes on,
   * its arrays are reused: forget the cache that was passed in and take the result's.
   */
  async extend(cache: RowCache, rows: ArrayLike<number>, tokens: readonly ArrayLike<number>[]): Promise<DecodeResult> {
    const layout = layRows(tokens.map((fresh) => fresh.length));
    const own = this.#takeRows(cache, rows, tokens);
    const { kvHeads, headDim, heads } = this.#config;
    const shared = own.prefix ? own.prefix.tokens.length : 0;
    const ids = new Int32Array(layout.tokens);
    const positions = new Int32Array(layout.tokens);
    let longest = 0;
    for (const [row, fresh] of tokens.entries()) {
      const begin = layout.starts[row]!;
      ids.set(fresh, begin);
      for (let i = 0; i < fresh.length; i++) positions[begin + i] = shared + own.lengths[row]! + i;
      longest = Math.max(longest, shared + own.lengths[row]! + fresh.length);
    }
    const inputs: Record<string, HostTensor> = {
      ids: int64(ids, [layout.tokens]),
      positions: int64(positions, [layout.tokens]),
      ...rotaryInputs(this.#config, longest),
      ...layout.inputs,
      bias: pastBias(own, shared, layout.steps, heads / kvHeads),
      ...(own.prefix?.inputs as Record<string, HostTensor> | undefined),
    };
    if (own.prefix) inputs.prefix_row = int64(new Int32Array(rows.length), [rows.length]);
    const dims = [rows.length, kvHeads, own.capacity, headDim];
    for (const [layer, keys] of own.keys.entries()) {
      inputs[`past_key.${layer}`] = float32(keys, dims);
      inputs[`past_value.${layer}`] = float32(own.values[layer]!, dims);
    }
    const last = tokens.map((fresh, row) => layout.starts[row]! + fresh.length - 1);
    const outputs = await this.#run(own.prefix !== undefined, true, inputs, last);
    const counts = tokens.map((fresh) => fresh.length);
    return { logits: floats(outputs.logits!), cache: () => this.#append(own, outputs, counts, layout.steps) };
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#programs.clear();
  }

  async #run(
    prefix: boolean,
    past: boolean,
    inputs: Tensors,
    logitsAt: ArrayLike<number>,
  ): Promise<Record<string, HostTensor>> {
    const key = `${prefix} ${past}`;
    let program = this.#programs.get(key);
    if (!program) {
      program = this.#runtime.load(buildDecoder(this.#config, { prefix, past }));
      this.#programs.set(key, program);
    }
    const outputs = await (await program).run({
      ...this.#parameters,
      ...inputs,
      logits_at: int64(logitsAt, [logitsAt.length]),
    });
    const host: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(outputs)) host[name] = await this.#runtime.download(tensor);
    return host;
  }

  #newCache(outputs: Record<string, HostTensor>, lengths: Int32Array, prefix: Prefix | undefined): RowCache {
    const { layers, kvHeads, headDim } = this.#config;
    const steps = outputs['key.0']!.dims[2]!;
    const capacity = steps + 16;
    const grow = (name: string) =>
      regrown(floats(outputs[name]!), lengths.length * kvHeads, steps * headDim, capacity * headDim);
    const every = (kind: string) => Array.from({ length: layers }, (_, layer) => grow(`${kind}.${layer}`));
    return { prefix, keys: every('key'), values: every('value'), capacity, lengths };
  }

  /** Rows of a cache in a new order, with room for the new tokens. The same cache where nothing changes. */
  #takeRows(cache: RowCache, rows: ArrayLike<number>, tokens: readonly ArrayLike<number>[]): RowCache {
    const { kvHeads, headDim } = this.#config;
    const lengths = Int32Array.from(rows, (row) => cache.lengths[row]!);
    const needed = lengths.reduce((most, length, i) => Math.max(most, length + tokens[i]!.length), 0);
    const same = rows.length === cache.lengths.length && Array.from(rows).every((row, i) => row === i);
    if (same && needed <= cache.capacity) return cache;
    const capacity = needed <= cache.capacity ? cache.capacity : needed * 2;
    const head = cache.capacity * headDim;
    const take = (data: Float32Array) => {
      const taken = new Float32Array(rows.length * kvHeads * capacity * headDim);
      for (let i = 0; i < rows.length * kvHeads; i++) {
        const from = (rows[Math.floor(i / kvHeads)]! * kvHeads + (i % kvHeads)) * head;
        taken.set(data.subarray(from, from + head), i * capacity * headDim);
      }
      return taken;
    };
    return { ...cache, keys: cache.keys.map(take), values: cache.values.map(take), capacity, lengths };
  }

  /** Writes the new tokens of each row behind its past. */
  #append(cache: RowCache, outputs: Record<string, HostTensor>, counts: readonly number[], steps: number): RowCache {
    const { kvHeads, headDim } = this.#config;
    const write = (target: Float32Array, fresh: Float32Array) => {
      for (const [row, count] of counts.entries()) {
        for (let head = row * kvHeads; head < (row + 1) * kvHeads; head++) {
          const from = head * steps * headDim;
          const to = (head * cache.capacity + cache.lengths[row]!) * headDim;
          target.set(fresh.subarray(from, from + count * headDim), to);
        }
      }
    };
    for (const [layer, keys] of cache.keys.entries()) {
      write(keys, floats(outputs[`key.${layer}`]!));
      write(cache.values[layer]!, floats(outputs[`value.${layer}`]!));
    }
    return { ...cache, lengths: cache.lengths.map((length, row) => length + counts[row]!) };
  }
}

/** `count` blocks of `from` numbers, each put at the start of a block of `to`. */
function regrown(data: Float32Array, count: number, from: number, to: number): Float32Array {
  const grown = new Float32Array(count * to);
  for (let i = 0; i < count; i++) grown.set(data.subarray(i * from, (i + 1) * from), i * to);
  return grown;
}

/** [rows, 1, steps · group, shared + capacity + steps]: the prefix, the row's own past, and its new tokens up to each. */
function pastBias(cache: RowCache, shared: number, steps: number, group: number): HostTensor {
  const width = shared + cache.capacity + steps;
  const rows = cache.lengths.length;
  const bias = new Float32Array(rows * steps * group * width);
  for (const [row, length] of cache.lengths.entries()) {
    for (let query = 0; query < steps * group; query++) {
      const begin = (row * steps * group + query) * width;
      const step = Math.floor(query / group);
      bias.fill(HIDDEN, begin + shared + length, begin + shared + cache.capacity);
      bias.fill(HIDDEN, begin + shared + cache.capacity + step + 1, begin + width);
    }
  }
  return float32(bias, [rows, 1, steps * group, width]);
}
