// From token sequences to the inputs of the scoring graph: what sequences share is packed once.

import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';
import { causalBias, HIDDEN, layRows, rotaryInputs, span, TokenPack, windowBias } from './packing.ts';
import type { TreeLevels } from './tree-attention.ts';

export interface PackedTree {
  /** The levels that the scoring graph must have. */
  readonly levels: TreeLevels;
  readonly inputs: Record<string, HostTensor>;
  /** Packed index of token `i` of a sequence. */
  tokenAt(sequence: number, i: number): number;
  /** Tokens in the pack: what is computed. */
  readonly tokens: number;
}

export interface TreeShape {
  /** Tokens that all sequences begin with, packed once; 0 where nothing is shared, else less than the shortest sequence. */
  readonly prefixLength: number;
  /**
   * For each sequence how many of its first tokens neighbours may have in common: the length of the prompt of many
   * replies. Neighbours with equal stems share them. Without stems only the prefix is shared.
   */
  readonly stems?: readonly number[];
}

/** Trunks are worth their more complicated attention where they save this share of the tokens. */
const WORTHWHILE = 0.2;

/** Packs sequences, at least one token each beyond the prefix, for the scoring graph. */
export function packTree(
  config: ModelConfig,
  sequences: readonly Int32Array[],
  { prefixLength, stems }: TreeShape,
): PackedTree {
  const trunks = stems && trunksOf(sequences, stems, prefixLength);
  const group = config.heads / config.kvHeads;
  const inputs: Record<string, HostTensor> = {};
  const rows = sequences.flatMap((sequence, i) => {
    const from = trunks ? trunks[trunks.of[i]!]!.to : prefixLength;
    return from < sequence.length ? [{ sequence, i, from }] : [];
  });
  const layout = layRows(rows.map(({ sequence, from }) => sequence.length - from));
  const trunkLayout = trunks && layRows(trunks.map(({ to }) => to - prefixLength));
  const trunkTokens = trunkLayout?.tokens ?? 0;
  const trunkSteps = trunkLayout?.steps ?? 0;
  const tokens = prefixLength + trunkTokens + layout.tokens;

  const pack = new TokenPack(tokens);
  pack.add(sequences[0]!, 0, prefixLength);
  for (const { sequence, to } of trunks ?? []) pack.add(sequence, prefixLength, to);
  for (const { sequence, from } of rows) pack.add(sequence, from, sequence.length);
  const longest = sequences.reduce((most, { length }) => Math.max(most, length), 0);
  Object.assign(inputs, pack.inputs(config), rotaryInputs(config, longest), layout.inputs);
  inputs.bias = causalBias(layout.steps, prefixLength + trunkSteps, group);
  const window = config.slidingWindow?.size;
  if (window !== undefined) {
    const prefix = span(0, prefixLength);
    if (prefixLength > 0) inputs.prefix_local_bias = windowBias([{ queries: prefix, keys: prefix }], window, group);
    const trunk = span(prefixLength, trunkSteps);
    if (trunks) inputs.trunk_local_bias = windowBias([{ queries: trunk, keys: [...prefix, ...trunk] }], window, group);
    // Without trunks all rows begin at one position.
    const apart = (trunks ? rows : rows.slice(0, 1)).map(({ from }) => {
      const own = span(from, layout.steps);
      return { queries: own, keys: [...prefix, ...trunk.map((position) => (position < from ? position : -1)), ...own] };
    });
    inputs.local_bias = windowBias(apart, window, group);
  }
  // A level that is not there has no size.
  const sizes = (...each: readonly number[]) => {
    const present = each.filter((size) => size > 0);
    return int64(present, [present.length]);
  };
  inputs.key_cut = sizes(prefixLength, trunkSteps, layout.steps);
  if (prefixLength > 0) {
    inputs.prefix_bias = causalBias(prefixLength, 0, group);
    inputs.prefix_cut = sizes(prefixLength, tokens - prefixLength);
  }
  if (trunks && trunkLayout) {
    for (const [name, tensor] of Object.entries(trunkLayout.inputs)) inputs[`trunk_${name}`] = tensor;
    inputs.trunk_bias = causalBias(trunkSteps, prefixLength, group);
    inputs.trunk_cut = sizes(trunkTokens, layout.tokens);
    inputs.trunk_key_cut = sizes(prefixLength, trunkSteps);
    const of = rows.map(({ i }) => trunks.of[i]!);
    const membership = new Float32Array(trunks.length * rows.length);
    const width = prefixLength + trunkSteps + layout.steps;
    const mask = new Float32Array(rows.length * width);
    for (const [row, trunk] of of.entries()) {
      membership[trunk * rows.length + row] = 1;
      mask.fill(HIDDEN, row * width + trunks[trunk]!.to, row * width + prefixLength + trunkSteps);
    }
    inputs.trunk_of = int32(of, [rows.length]);
    inputs.trunk_membership = float32(membership, [trunks.length, rows.length]);
    inputs.trunk_mask = float32(mask, [rows.length, 1, 1, width]);
  }

  const rowOf = new Int32Array(sequences.length).fill(-1);
  for (const [row, { i }] of rows.entries()) rowOf[i] = row;
  const tokenAt = (sequence: number, i: number): number => {
    if (i < prefixLength) return i;
    const trunk = trunks?.of[sequence];
    const from = trunk === undefined ? prefixLength : trunks![trunk]!.to;
    if (i < from) return prefixLength + trunkLayout!.starts[trunk!]! + i - prefixLength;
    return prefixLength + trunkTokens + layout.starts[rowOf[sequence]!]! + i - from;
  };
  return { levels: { prefix: prefixLength > 0, trunks: trunks !== undefined }, inputs, tokenAt, tokens };
}

/** A stretch of tokens that several rows go on from: tokens from the prefix up to `to` of a sequence. */
interface Trunk {
  readonly sequence: Int32Array;
  readonly to: number;
}

/** The trunks, and which one each sequence goes on from; undefined where they are not worth it. */
function trunksOf(
  sequences: readonly Int32Array[],
  stems: readonly number[],
  prefixLength: number,
): (Trunk[] & { readonly of: Int32Array }) | undefined {
  const trunks: Trunk[] = [];
  const of = new Int32Array(sequences.length);
  let plain = 0;
  let shared = 0;
  let own = 0;
  for (const [i, sequence] of sequences.entries()) {
    const to = Math.max(stems[i]!, prefixLength);
    const last = trunks.at(-1);
    if (!last || last.to !== to || !sameStart(last.sequence, sequence, to)) {
      trunks.push({ sequence, to });
      shared += to - prefixLength;
    }
    of[i] = trunks.length - 1;
    plain += sequence.length - prefixLength;
    own += sequence.length - to;
  }
  if (own === 0 || shared === 0 || shared + own > (1 - WORTHWHILE) * plain) return undefined;
  return Object.assign(trunks, { of });
}

function sameStart(a: Int32Array, b: Int32Array, length: number): boolean {
  for (let i = length - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}
