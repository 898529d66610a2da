// Attention works on padded rows, all else on packed tokens: the inputs that say which slot of which row each token has.

import type { Graph } from '@ludic/graph';
import type { RowPadding } from '@ludic/graph/internal';
import { float32, type HostTensor, int32 } from '@ludic/runtime';

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
