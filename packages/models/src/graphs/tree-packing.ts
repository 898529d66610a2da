// From paths of a token tree to the inputs of the scoring graph: what paths share is packed once.

import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';
import { causalBias, MASKED, span, windowBias } from './attention-bias.ts';
import { padToRows, tokenInputs } from './packed-tokens.ts';
import { commonBeginning, type TokenNode } from './token-tree.ts';
import type { TreeLevels } from './tree-attention.ts';

/** A path to pack: the sequence that ends here. */
export interface PackedPath {
  readonly end: TokenNode;
  /** Where neighbours may part from it: the prompt of many replies. Without it they share the prefix alone. */
  readonly prompt?: TokenNode | undefined;
}

export interface PackedTree {
  /** The levels that the scoring graph must have. */
  readonly levels: TreeLevels;
  readonly inputs: Record<string, HostTensor>;
  /** Packed index of token `i` of a path. */
  tokenAt(path: number, i: number): number;
  /** Tokens in the pack: what is computed. */
  readonly tokens: number;
}

/** Prompts are worth their more complicated attention where they save this share of the tokens. */
const WORTHWHILE = 0.2;

/**
 * Packs paths of one tree, at least one token each beyond the prefix, for the scoring graph.
 * @param prefix what all paths begin with, packed once; the root where nothing is shared
 */
export function packTree(config: ModelConfig, paths: readonly PackedPath[], prefix: TokenNode): PackedTree {
  const prefixLength = prefix.depth;
  const prompts = findSharedPrompts(paths, prefix);
  const group = config.heads / config.kvHeads;
  const inputs: Record<string, HostTensor> = {};
  const startOf = (path: number) => (prompts ? prompts.nodes[prompts.of[path]!]!.depth : prefixLength);
  const rows = paths.flatMap(({ end }, path) => {
    const from = startOf(path);
    return from < end.depth ? [{ end, path, from }] : [];
  });
  const layout = padToRows(rows.map(({ end, from }) => end.depth - from));
  const promptLayout = prompts && padToRows(prompts.nodes.map(({ depth }) => depth - prefixLength));
  const promptTokens = promptLayout?.tokens ?? 0;
  const promptSteps = promptLayout?.steps ?? 0;
  const tokens = prefixLength + promptTokens + layout.tokens;

  const packed = [
    { ids: prefix.path(), position: 0 },
    ...(prompts?.nodes ?? []).map((prompt) => ({ ids: prompt.path(prefixLength), position: prefixLength })),
    ...rows.map(({ end, from }) => ({ ids: end.path(from), position: from })),
  ];
  Object.assign(inputs, tokenInputs(config, packed), layout.inputs);
  inputs.bias = causalBias(layout.steps, prefixLength + promptSteps, group);
  const window = config.slidingWindow?.size;
  if (window !== undefined) {
    const first = span(0, prefixLength);
    if (prefixLength > 0) inputs.prefix_local_bias = windowBias([{ queries: first, keys: first }], window, group);
    const middle = span(prefixLength, promptSteps);
    if (prompts)
      inputs.prompt_local_bias = windowBias([{ queries: middle, keys: [...first, ...middle] }], window, group);
    // Without prompts all rows begin at one position.
    const apart = (prompts ? rows : rows.slice(0, 1)).map(({ from }) => {
      const own = span(from, layout.steps);
      return {
        queries: own,
        keys: [...first, ...middle.map((position) => (position < from ? position : -1)), ...own],
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
    const of = rows.map(({ path }) => prompts.of[path]!);
    const membership = new Float32Array(prompts.nodes.length * rows.length);
    const width = prefixLength + promptSteps + layout.steps;
    const mask = new Float32Array(rows.length * width);
    for (const [row, prompt] of of.entries()) {
      membership[prompt * rows.length + row] = 1;
      mask.fill(MASKED, row * width + prompts.nodes[prompt]!.depth, row * width + prefixLength + promptSteps);
    }
    inputs.prompt_of = int32(of, [rows.length]);
    inputs.prompt_membership = float32(membership, [prompts.nodes.length, rows.length]);
    inputs.prompt_mask = float32(mask, [rows.length, 1, 1, width]);
  }

  const rowOf = new Int32Array(paths.length).fill(-1);
  for (const [row, { path }] of rows.entries()) rowOf[path] = row;
  const tokenAt = (path: number, i: number): number => {
    if (i < prefixLength) return i;
    const from = startOf(path);
    if (i < from) return prefixLength + promptLayout!.starts[prompts!.of[path]!]! + i - prefixLength;
    return prefixLength + promptTokens + layout.starts[rowOf[path]!]! + i - from;
  };
  return { levels: { prefix: prefixLength > 0, sharedPrompts: prompts !== undefined }, inputs, tokenAt, tokens };
}

interface SharedPrompts {
  /** Each goes on from the prefix. */
  readonly nodes: readonly TokenNode[];
  /** Which of them each path goes on from. */
  readonly of: Int32Array;
}

/** The prompts that neighbours share; undefined where they are not worth it. */
function findSharedPrompts(paths: readonly PackedPath[], prefix: TokenNode): SharedPrompts | undefined {
  const nodes: TokenNode[] = [];
  const of = new Int32Array(paths.length);
  let plain = 0;
  let shared = 0;
  let own = 0;
  for (const [i, { end, prompt }] of paths.entries()) {
    const parting = prompt && prompt.depth > prefix.depth ? prompt : prefix;
    if (nodes.at(-1) !== parting) {
      nodes.push(parting);
      shared += parting.depth - prefix.depth;
    }
    of[i] = nodes.length - 1;
    plain += end.depth - prefix.depth;
    own += end.depth - parting.depth;
  }
  if (own === 0 || shared === 0 || shared + own > (1 - WORTHWHILE) * plain) return undefined;
  return { nodes, of };
}

/** A shorter common beginning is not worth a level of its own. */
const SHORTEST_PREFIX = 4;

/** What paths have in common, so that each goes on; the root where that is too short, or where there is one path. */
export function sharedPrefix(paths: readonly PackedPath[]): TokenNode {
  const [first, ...others] = paths.map(({ end }) => end);
  if (others.length === 0) return first!.tree;
  const common = others.reduce(commonBeginning, first!);
  const shortest = paths.reduce((least, { end }) => Math.min(least, end.depth), Number.POSITIVE_INFINITY);
  const prefix = common.ancestor(shortest - 1);
  return prefix.depth < SHORTEST_PREFIX ? prefix.tree : prefix;
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
