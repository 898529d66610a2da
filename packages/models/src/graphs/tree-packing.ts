// From token sequences to the inputs of the scoring graph: what sequences share is packed once.

import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';
import { causalBias, MASKED, span, windowBias } from './attention-bias.ts';
import { padToRows, tokenInputs } from './packed-tokens.ts';
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
   * replies. Neighbours with equal prompts share them. Without lengths only the prefix is shared.
   */
  readonly promptLengths?: readonly number[];
}

/** Prompts are worth their more complicated attention where they save this share of the tokens. */
const WORTHWHILE = 0.2;

/** Packs sequences, at least one token each beyond the prefix, for the scoring graph. */
export function packTree(
  config: ModelConfig,
  sequences: readonly Int32Array[],
  { prefixLength, promptLengths }: TreeShape,
): PackedTree {
  const prompts = promptLengths && findSharedPrompts(sequences, promptLengths, prefixLength);
  const group = config.heads / config.kvHeads;
  const inputs: Record<string, HostTensor> = {};
  const rows = sequences.flatMap((sequence, i) => {
    const from = prompts ? prompts[prompts.of[i]!]!.to : prefixLength;
    return from < sequence.length ? [{ sequence, i, from }] : [];
  });
  const layout = padToRows(rows.map(({ sequence, from }) => sequence.length - from));
  const promptLayout = prompts && padToRows(prompts.map(({ to }) => to - prefixLength));
  const promptTokens = promptLayout?.tokens ?? 0;
  const promptSteps = promptLayout?.steps ?? 0;
  const tokens = prefixLength + promptTokens + layout.tokens;

  const packed = [
    { ids: sequences[0]!.subarray(0, prefixLength), position: 0 },
    ...(prompts ?? []).map(({ sequence, to }) => ({
      ids: sequence.subarray(prefixLength, to),
      position: prefixLength,
    })),
    ...rows.map(({ sequence, from }) => ({ ids: sequence.subarray(from), position: from })),
  ];
  Object.assign(inputs, tokenInputs(config, packed), layout.inputs);
  inputs.bias = causalBias(layout.steps, prefixLength + promptSteps, group);
  const window = config.slidingWindow?.size;
  if (window !== undefined) {
    const prefix = span(0, prefixLength);
    if (prefixLength > 0) inputs.prefix_local_bias = windowBias([{ queries: prefix, keys: prefix }], window, group);
    const prompt = span(prefixLength, promptSteps);
    if (prompts)
      inputs.prompt_local_bias = windowBias([{ queries: prompt, keys: [...prefix, ...prompt] }], window, group);
    // Without prompts all rows begin at one position.
    const apart = (prompts ? rows : rows.slice(0, 1)).map(({ from }) => {
      const own = span(from, layout.steps);
      return {
        queries: own,
        keys: [...prefix, ...prompt.map((position) => (position < from ? position : -1)), ...own],
      };
    });
    inputs.local_bias = windowBias(apart, window, group);
  }
  // A level that is not there has no size.
  const sizes = (...each: readonly number[]) => {
    const present = each.filter((size) => size > 0);
    return int64(present, [present.length]);
  };
  inputs.key_cut = sizes(prefixLength, promptSteps, layout.steps);
  if (prefixLength > 0) {
    inputs.prefix_bias = causalBias(prefixLength, 0, group);
    inputs.prefix_cut = sizes(prefixLength, tokens - prefixLength);
  }
  if (prompts && promptLayout) {
    for (const [name, tensor] of Object.entries(promptLayout.inputs)) inputs[`prompt_${name}`] = tensor;
    inputs.prompt_bias = causalBias(promptSteps, prefixLength, group);
    inputs.prompt_cut = sizes(promptTokens, layout.tokens);
    inputs.prompt_key_cut = sizes(prefixLength, promptSteps);
    const of = rows.map(({ i }) => prompts.of[i]!);
    const membership = new Float32Array(prompts.length * rows.length);
    const width = prefixLength + promptSteps + layout.steps;
    const mask = new Float32Array(rows.length * width);
    for (const [row, prompt] of of.entries()) {
      membership[prompt * rows.length + row] = 1;
      mask.fill(MASKED, row * width + prompts[prompt]!.to, row * width + prefixLength + promptSteps);
    }
    inputs.prompt_of = int32(of, [rows.length]);
    inputs.prompt_membership = float32(membership, [prompts.length, rows.length]);
    inputs.prompt_mask = float32(mask, [rows.length, 1, 1, width]);
  }

  const rowOf = new Int32Array(sequences.length).fill(-1);
  for (const [row, { i }] of rows.entries()) rowOf[i] = row;
  const tokenAt = (sequence: number, i: number): number => {
    if (i < prefixLength) return i;
    const prompt = prompts?.of[sequence];
    const from = prompt === undefined ? prefixLength : prompts![prompt]!.to;
    if (i < from) return prefixLength + promptLayout!.starts[prompt!]! + i - prefixLength;
    return prefixLength + promptTokens + layout.starts[rowOf[sequence]!]! + i - from;
  };
  return { levels: { prefix: prefixLength > 0, sharedPrompts: prompts !== undefined }, inputs, tokenAt, tokens };
}

/** A stretch of tokens that several rows go on from: tokens from the prefix up to `to` of a sequence. */
interface SharedPrompt {
  readonly sequence: Int32Array;
  readonly to: number;
}

/** The prompts, and which one each sequence goes on from; undefined where they are not worth it. */
function findSharedPrompts(
  sequences: readonly Int32Array[],
  promptLengths: readonly number[],
  prefixLength: number,
): (SharedPrompt[] & { readonly of: Int32Array }) | undefined {
  const prompts: SharedPrompt[] = [];
  const of = new Int32Array(sequences.length);
  let plain = 0;
  let shared = 0;
  let own = 0;
  for (const [i, sequence] of sequences.entries()) {
    const to = Math.max(promptLengths[i]!, prefixLength);
    const last = prompts.at(-1);
    if (!last || last.to !== to || !sameStart(last.sequence, sequence, to)) {
      prompts.push({ sequence, to });
      shared += to - prefixLength;
    }
    of[i] = prompts.length - 1;
    plain += sequence.length - prefixLength;
    own += sequence.length - to;
  }
  if (own === 0 || shared === 0 || shared + own > (1 - WORTHWHILE) * plain) return undefined;
  return Object.assign(prompts, { of });
}

function sameStart(a: Int32Array, b: Int32Array, length: number): boolean {
  for (let i = length - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
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
