// The graph of sampling: new tokens of many rows against keys and values that are already known, raw logits at chosen
// tokens. The layers are those of training.

import {
  addDimensions,
  concat,
  type Dimension,
  Graph,
  gatherRows,
  packRows,
  repeatRows,
  serialize,
  unpackRows,
  type Value,
} from '@ludic/graph';
import { attend, splitKeyHeads } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { type Attention, llamaHead, llamaLayers } from './llama.ts';
import { parameterInputs, rowInputs, tokenInputs } from './packed-input.ts';
import { queriesPerKeyHead } from './tree-attention.ts';

export interface DecodeOptions {
  /** Keys and values of a prefix that all rows share come in as `prefix_key.L`, `prefix_value.L` [1, kvHeads, prefix, headDim]. */
  readonly prefix: boolean;
  /** Each row's own earlier keys and values come in as `past_key.L`, `past_value.L` [rows, kvHeads, past, headDim]. */
  readonly past: boolean;
}

/**
 * Inputs: parameters, `ids`, `positions` [tokens], rotary tables, `slots`, `places`, `filled`, `bias`
 * [1, or rows where there is a past, 1, steps · heads / kvHeads, prefix + past + steps], `logits_at` [answers]. Outputs: `logits`
 * [answers, vocabSize] and the new `key.L`, `value.L` [rows, kvHeads, steps, headDim] of every layer.
 */
export function buildDecoder(config: ModelConfig, { prefix, past }: DecodeOptions): Uint8Array {
  const graph = new Graph('decoder');
  const { parameters } = parameterInputs(graph, config);
  const tokens = tokenInputs(graph, config, 'rowTokens');
  const layout = rowInputs(graph);
  const { kvHeads, headDim } = config;
  const before: Dimension[] = [...(prefix ? ['prefix'] : []), ...(past ? ['past'] : [])];
  const keyCount = [...before, 'steps'].reduce(addDimensions);
  const bias = graph.input('bias', 'float32', [past ? 'rows' : 1, 1, queriesPerKeyHead('steps', config), keyCount]);
  const prefixRow = prefix ? graph.input('prefix_row', 'int64', ['rows']) : undefined;

  const attention: Attention = (layer, queries, keys, values) => {
    const withKnown = (kind: 'key' | 'value', x: Value): Value => {
      const own = splitKeyHeads(unpackRows(x, layout), config);
      graph.output(`${kind}.${layer}`, own);
      const parts: Value[] = [];
      if (prefixRow) {
        const shared = graph.input(`prefix_${kind}.${layer}`, 'float32', [1, kvHeads, 'prefix', headDim]);
        parts.push(repeatRows(shared, prefixRow));
      }
      if (past) parts.push(graph.input(`past_${kind}.${layer}`, 'float32', ['rows', kvHeads, 'past', headDim]));
      return concat([...parts, own], 2);
    };
    const mixed = attend(unpackRows(queries, layout), withKnown('key', keys), withKnown('value', values), bias, config);
    return packRows(mixed, layout);
  };
  const hidden = llamaLayers(config, parameters, tokens, attention);
  const answers = gatherRows(hidden, graph.input('logits_at', 'int64', ['answers']));
  graph.output('logits', llamaHead(config, parameters, answers));
  return serialize(graph);
}
