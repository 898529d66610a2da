// The tokens that a graph computes, packed one sequence after the other without padding, and the rows with padding that
// attention lays them out as: how a graph declares both, and the tensors of a run.

import type { Graph } from '@ludic/graph';
import type { RowPadding } from '@ludic/graph/internal';
import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import type { PackedTokens } from '../architectures/family.ts';
import { rotaryTables } from '../architectures/rope.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** Declares `ids`, `positions` and the rotary tables: `cos` and `sin`, `local_cos` and `local_sin`. */
export function declareTokens(graph: Graph, config: ModelConfig, tokens: string): PackedTokens {
  const table = (name: string) => graph.input(name, 'float32', ['positions', config.headDim / 2]);
  return {
    ids: graph.input('ids', 'int32', [tokens]),
    positions: config.rotary
      ? graph.input('positions', 'int64', [tokens, 1])
      : graph.input('positions', 'int32', [tokens]),
    ...(config.rotary && { rotary: { cos: table('cos'), sin: table('sin') } }),
    ...(config.localRotary && { localRotary: { cos: table('local_cos'), sin: table('local_sin') } }),
  };
}

/** Neighbouring tokens of one sequence. */
export interface TokenSpan {
  readonly ids: Int32Array;
  /** The position of the first in its sequence. */
  readonly position: number;
}

/** The inputs that `declareTokens` declares, for tokens that are packed in this order. */
export function tokenInputs(config: ModelConfig, spans: readonly TokenSpan[]): Record<string, HostTensor> {
  const tokens = spans.reduce((sum, { ids }) => sum + ids.length, 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  let at = 0;
  let length = 0;
  for (const span of spans) {
    ids.set(span.ids, at);
    for (let i = 0; i < span.ids.length; i++) positions[at++] = span.position + i;
    length = Math.max(length, span.position + span.ids.length);
  }
  return {
    ids: int32(ids, [tokens]),
    positions: config.rotary ? int64(positions, [tokens, 1]) : int32(positions, [tokens]),
    ...rotaryInputs(config, length),
  };
}

const tables = new WeakMap<
  ModelConfig,
  { readonly positions: number; readonly inputs: Readonly<Record<string, HostTensor>> }
>();

/** The rotary tables of a model for at least `positions` positions; kept and grown, since every run asks. */
function rotaryInputs(config: ModelConfig, positions: number): Readonly<Record<string, HostTensor>> {
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

/** Names of a level of rows: its inputs begin with `prefix`, its dimensions are the others. */
export interface RowNames {
  readonly prefix: string;
  readonly tokens: string;
  readonly rows: string;
  readonly steps: string;
}

export const ROWS: RowNames = { prefix: '', tokens: 'rowTokens', rows: 'rows', steps: 'steps' };

/** Declares `pad_index`, `unpad_index` and `pad_mask` for the tokens that are laid out as rows. */
export function declareRowPadding(graph: Graph, { prefix, tokens, rows, steps }: RowNames = ROWS): RowPadding {
  return {
    padIndex: graph.input(`${prefix}pad_index`, 'int32', [rows, steps]),
    unpadIndex: graph.input(`${prefix}unpad_index`, 'int32', [tokens]),
    padMask: graph.input(`${prefix}pad_mask`, 'float32', [rows, steps, 1]),
  };
}

export interface PaddedRows {
  /** `pad_index`, `unpad_index`, `pad_mask` (see `RowPadding` of @ludic/graph). */
  readonly inputs: Record<'pad_index' | 'unpad_index' | 'pad_mask', HostTensor>;
  /** Where each row's tokens begin among the packed ones. */
  readonly starts: readonly number[];
  /** The packed index of each row's last token. */
  readonly lastTokens: readonly number[];
  /** Length of the longest row. */
  readonly steps: number;
  readonly tokens: number;
}

/** The inputs that `declareRowPadding` declares, for packed rows of these lengths. */
export function padToRows(lengths: readonly number[]): PaddedRows {
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
  const lastTokens = lengths.map((length, row) => starts[row]! + length - 1);
  return { inputs, starts, lastTokens, steps, tokens };
}

/** Padded slots that have to be saved for one run to become two, each of which reads all weights. */
const WORTH_A_RUN = 256;

/**
 * Which rows to put into one run, where all are padded to its longest row: indices of the rows of each run, in order. A
 * run is split where that saves at least a quarter of its slots.
 */
export function runsByLength(lengths: readonly number[]): number[][] {
  const split = (order: readonly number[]): (readonly number[])[] => {
    const longest = lengths[order[0]!]!;
    const saved = (cut: number) => (order.length - cut) * (longest - lengths[order[cut]!]!);
    const best = order.reduce((most, _, cut) => (saved(cut) > saved(most) ? cut : most), 0);
    if (saved(best) < Math.max(WORTH_A_RUN, (order.length * longest) / 4)) return [order];
    return [...split(order.slice(0, best)), ...split(order.slice(best))];
  };
  const longestFirst = [...lengths.keys()].sort((a, b) => lengths[b]! - lengths[a]!);
  return split(longestFirst).map((run) => [...run].sort((a, b) => a - b));
}
