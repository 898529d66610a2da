// From token sequences to the inputs of a graph: packed ids and positions, and where each token sits in padded rows.

import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import { rotaryTables } from '../architectures/rope.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** What a query may not look at gets this added to its score: exp of it is 0 in float32. */
export const HIDDEN = -1e9;

export interface PackedSequences {
  readonly inputs: Record<string, HostTensor>;
  /** Where each sequence's tokens begin among the packed ones. */
  readonly starts: readonly number[];
  /** Length of the longest row. */
  readonly steps: number;
  readonly tokens: number;
}

/** Packs what comes after the first `known` tokens of each sequence, at least one token each, for a decode graph. */
export function packSequences(config: ModelConfig, sequences: readonly Int32Array[], known = 0): PackedSequences {
  const { inputs, starts, steps, tokens } = layRows(sequences.map((sequence) => sequence.length - known));
  const pack = new TokenPack(tokens);
  for (const sequence of sequences) pack.add(sequence, known, sequence.length);
  const { slidingWindow } = config;
  const group = config.heads / config.kvHeads;
  return {
    inputs: {
      ...pack.inputs(config),
      ...rotaryInputs(config, known + steps),
      ...inputs,
      bias: causalBias(steps, known, group),
      ...(slidingWindow && {
        local_bias: windowBias(
          [{ queries: span(known, steps), keys: span(0, known + steps) }],
          slidingWindow.size,
          group,
        ),
      }),
    },
    starts,
    steps,
    tokens,
  };
}

/** Ids and positions of packed tokens, filled from the front. */
export class TokenPack {
  readonly #ids: Int32Array;
  readonly #positions: Int32Array;
  #filled = 0;

  constructor(tokens: number) {
    this.#ids = new Int32Array(tokens);
    this.#positions = new Int32Array(tokens);
  }

  /** Tokens `from` to `to` of a sequence. */
  add(sequence: Int32Array, from: number, to: number): void {
    this.#ids.set(sequence.subarray(from, to), this.#filled);
    for (let i = from; i < to; i++) this.#positions[this.#filled++] = i;
  }

  inputs(config: ModelConfig): Record<'ids' | 'positions', HostTensor> {
    return tokenTensors(config, this.#ids, this.#positions);
  }
}

/** `ids` and `positions` as the graphs of a model declare them. */
export function tokenTensors(
  { rotary }: ModelConfig,
  ids: Int32Array,
  positions: Int32Array,
): Record<'ids' | 'positions', HostTensor> {
  const count = ids.length;
  return {
    ids: int32(ids, [count]),
    positions: rotary ? int64(positions, [count, 1]) : int32(positions, [count]),
  };
}

export interface RowsOfTokens {
  /** `pad_index`, `unpad_index`, `pad_mask` (see `RowPadding` of @ludic/graph). */
  readonly inputs: Record<'pad_index' | 'unpad_index' | 'pad_mask', HostTensor>;
  /** Where each row's tokens begin among the packed ones. */
  readonly starts: readonly number[];
  /** Length of the longest row. */
  readonly steps: number;
  readonly tokens: number;
}

/** Lays tokens that stand one row after the other out as padded rows. */
export function layRows(lengths: readonly number[]): RowsOfTokens {
  const rows = lengths.length;
  const steps = lengths.reduce((a, b) => Math.max(a, b), 0);
  const tokens = lengths.reduce((a, b) => a + b, 0);
  // Padding slots point at the first token, any would do.
  const padIndex = new Int32Array(rows * steps);
  const unpadIndex = new Int32Array(tokens);
  const padMask = new Float32Array(rows * steps);
  const starts: number[] = [];
  let begin = 0;
  for (const [row, length] of lengths.entries()) {
    starts.push(begin);
    for (let step = 0; step < length; step++) {
      padIndex[row * steps + step] = begin + step;
      unpadIndex[begin + step] = row * steps + step;
      padMask[row * steps + step] = 1;
    }
    begin += length;
  }
  const inputs = {
    pad_index: int32(padIndex, [rows, steps]),
    unpad_index: int32(unpadIndex, [tokens]),
    pad_mask: float32(padMask, [rows, steps, 1]),
  };
  return { inputs, starts, steps, tokens };
}

/** [1, 1, steps · group, before + steps]: a query sees all that came before and its own row up to itself. */
export function causalBias(steps: number, before: number, group: number): HostTensor {
  const width = before + steps;
  const bias = new Float32Array(steps * group * width);
  for (let step = 0; step < steps; step++) {
    for (let g = 0; g < group; g++) {
      const row = (step * group + g) * width;
      bias.fill(HIDDEN, row + before + step + 1, row + width);
    }
  }
  return float32(bias, [1, 1, steps * group, width]);
}

/** Positions of the queries and the keys of a row; a key at −1 is padding. */
export interface RowPositions {
  readonly queries: readonly number[];
  readonly keys: readonly number[];
}

/** [rows, 1, steps · group, keys]: a query sees the keys at its own position and at the `window` − 1 before it. */
export function windowBias(rows: readonly RowPositions[], window: number, group: number): HostTensor {
  const steps = rows[0]!.queries.length;
  const width = rows[0]!.keys.length;
  const bias = new Float32Array(rows.length * steps * group * width);
  let at = 0;
  for (const { queries, keys } of rows) {
    for (const query of queries) {
      for (let g = 0; g < group; g++) {
        for (const key of keys) bias[at++] = key >= 0 && key <= query && key > query - window ? 0 : HIDDEN;
      }
    }
  }
  return float32(bias, [rows.length, 1, steps * group, width]);
}

/** `count` numbers from `first` on. */
export const span = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

const tables = new WeakMap<
  ModelConfig,
  { readonly positions: number; readonly inputs: Readonly<Record<string, HostTensor>> }
>();

/** The rotary tables of a model for at least `positions` positions; kept and grown, since every run asks. */
export function rotaryInputs(config: ModelConfig, positions: number): Readonly<Record<string, HostTensor>> {
  const known = tables.get(config);
  if (known && known.positions >= positions) return known.inputs;
  const size = Math.max(64, 2 ** Math.ceil(Math.log2(positions)));
  const dims = [size, config.headDim / 2];
  const inputs: Record<string, HostTensor> = {};
  for (const [prefix, rotary] of [
    ['', config.rotary],
    ['local_', config.localRotary],
  ] as const) {
    if (!rotary) continue;
    const { cos, sin } = rotaryTables(rotary, config.headDim, size);
    inputs[`${prefix}cos`] = float32(cos, dims);
    inputs[`${prefix}sin`] = float32(sin, dims);
  }
  tables.set(config, { positions: size, inputs });
  return inputs;
}

/** Length of the longest common beginning, at most `limit`. */
export function sharedPrefixLength(sequences: readonly Int32Array[], limit: number): number {
  const first = sequences[0];
  if (!first) return 0;
  let length = Math.min(limit, first.length);
  for (const sequence of sequences) {
    length = Math.min(length, sequence.length);
    let i = 0;
    while (i < length && sequence[i] === first[i]) i++;
    length = i;
  }
  return length;
}
