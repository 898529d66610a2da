// Attention over a tree of tokens: a prefix that all rows share, prompts that several rows share (a prompt with many
// replies), and the rows' own tokens. What is shared is computed once, forward and backward.

import { add, addDimensions, type Dimension, type Graph, reshape, type Value } from '@ludic/graph';
import { type Cut, cutAt, joinAt, padRows, spreadRows, unpadRows } from '@ludic/graph/internal';
import { type AttentionOptions, attend, type KvSegment, splitKeyHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { declareBias, queriesPerKeyHead } from './attention-bias.ts';
import { declareRowPadding, ROWS, type RowNames } from './packed-tokens.ts';

/** Which levels the tokens of a run have beside the rows themselves. */
export interface TreeLevels {
  readonly prefix: boolean;
  readonly sharedPrompts: boolean;
}

/** What attention must know of a model. */
export type AttentionModel = AttentionOptions & Pick<ModelConfig, 'slidingWindow'>;

/** The level of the prompts that several rows share. */
export const PROMPTS: RowNames = { prefix: 'prompt_', tokens: 'promptTokens', rows: 'prompts', steps: 'promptSteps' };

/** Packed tokens of all levels together. */
export function treeTokens({ prefix, sharedPrompts }: TreeLevels): Dimension {
  const levels = [...(prefix ? ['prefix'] : []), ...(sharedPrompts ? [PROMPTS.tokens] : []), ROWS.tokens];
  return levels.reduce<Dimension>(addDimensions, 0);
}

/** Declares what `packTree` gives beside ids and positions. */
export function treeAttention(graph: Graph, config: AttentionModel, { prefix, sharedPrompts }: TreeLevels): Attention {
  const heads: AttentionOptions = config;
  const isLocal = (layer: number) => config.slidingWindow?.layers[layer] === true;
  const rows = rowLevel(graph, config, ROWS, { prefix, sharedPrompts });
  const prompt = sharedPrompts ? rowLevel(graph, config, PROMPTS, { prefix, sharedPrompts: false }) : undefined;
  const rest = prompt ? addDimensions(PROMPTS.tokens, ROWS.tokens) : ROWS.tokens;
  const prefixCut: Cut | undefined = prefix
    ? { sizes: ['prefix', rest], at: graph.input('prefix_cut', 'int64', [2]) }
    : undefined;
  const promptCut: Cut | undefined = prompt
    ? { sizes: [PROMPTS.tokens, ROWS.tokens], at: graph.input('prompt_cut', 'int64', [2]) }
    : undefined;
  const prefixShape = [1, 1, queriesPerKeyHead('prefix', heads), 'prefix'];
  const prefixBias = prefix ? declareBias(graph, config, 'prefix_', prefixShape, 1) : undefined;

  return (layer, queries, keys, values) => {
    const parts = (x: Value) => {
      const [first, others] = prefixCut ? cutAt(x, 0, prefixCut) : [undefined, x];
      const [middle, own] = promptCut ? cutAt(others!, 0, promptCut) : [undefined, others!];
      return { first, middle, own: own! };
    };
    const q = parts(queries);
    const k = parts(keys);
    const v = parts(values);
    const above: { prefix?: KvSegment; prompt?: KvSegment } = {};
    if (k.first) {
      above.prefix = {
        keys: splitKeyHeads(oneRow(k.first), heads),
        values: splitKeyHeads(oneRow(v.first!), heads),
      };
    }
    if (prompt) above.prompt = prompt.segment(k.middle!, v.middle!);

    let mixed = rows.attend(q.own, rows.segment(k.own, v.own), above, isLocal(layer));
    if (prompt) mixed = joinAt([prompt.attend(q.middle!, above.prompt!, above, isLocal(layer)), mixed], 0, promptCut!);
    if (!prefixCut) return mixed;
    const mixedPrefix = attend(oneRow(q.first!), [above.prefix!], prefixBias!(isLocal(layer)), heads);
    return joinAt([reshape(mixedPrefix, q.first!.shape), mixed], 0, prefixCut);
  };
}

/** The inputs of a level of rows, and its attention: each row looks at what it shares and at its own past. */
function rowLevel(graph: Graph, config: AttentionModel, names: RowNames, { prefix, sharedPrompts }: TreeLevels) {
  const heads: AttentionOptions = config;
  const layout = declareRowPadding(graph, names);
  const spread = sharedPrompts
    ? {
        index: graph.input('prompt_of', 'int32', [names.rows]),
        membership: graph.input('prompt_membership', 'float32', [PROMPTS.rows, names.rows]),
      }
    : undefined;
  const sizes: Dimension[] = [...(prefix ? ['prefix'] : []), ...(sharedPrompts ? [PROMPTS.steps] : []), names.steps];
  const keyCount = sizes.reduce(addDimensions);
  const cut: Cut | undefined =
    sizes.length > 1 ? { sizes, at: graph.input(`${names.prefix}key_cut`, 'int64', [sizes.length]) } : undefined;
  const shape = [1, 1, queriesPerKeyHead(names.steps, heads), keyCount];
  const plain = declareBias(graph, config, names.prefix, shape, sharedPrompts ? names.rows : 1);
  // Prompts have different lengths: each row is told which keys of its prompt are padding.
  const mask = sharedPrompts ? graph.input('prompt_mask', 'float32', [names.rows, 1, 1, keyCount]) : undefined;
  const bias = (local: boolean) => (mask && !local ? add(plain(false), mask) : plain(local));
  const asHeads = (x: Value) => splitKeyHeads(padRows(x, layout), heads);
  return {
    segment: (keys: Value, values: Value): KvSegment => ({ keys: asHeads(keys), values: asHeads(values) }),
    attend(
      queries: Value,
      own: KvSegment,
      above: { readonly prefix?: KvSegment; readonly prompt?: KvSegment },
      local: boolean,
    ): Value {
      const segments = [
        ...(prefix ? [above.prefix!] : []),
        ...(spread
          ? [{ keys: spreadRows(above.prompt!.keys, spread), values: spreadRows(above.prompt!.values, spread) }]
          : []),
        own,
      ];
      return unpadRows(attend(padRows(queries, layout), segments, bias(local), heads, cut), layout);
    },
  };
}

const oneRow = (x: Value): Value => reshape(x, [1, ...x.shape]);
