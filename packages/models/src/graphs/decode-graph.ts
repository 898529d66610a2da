// The graph of sampling: new tokens of many rows against keys and values that are already known, raw logits at chosen
// tokens. The layers are those of training.

import {
  addDimensions,
  type Cut,
  type Dimension,
  Graph,
  gatherRows,
  packRows,
  serialize,
  unpackRows,
  type Value,
} from '@ludic/graph';
import type { LoraConfig } from '../adapters/adapter.ts';
import { attend, splitKeyHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import { hiddenStates } from '../architectures/hidden-states.ts';
import type { Precision } from '../architectures/precision.ts';
import { familyOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { rowInputs, tokenInputs, weightInputs } from './packed-input.ts';
import { type DrawKind, drawTokens } from './sampling-graph.ts';
import { biasInputs, queriesPerKeyHead } from './tree-attention.ts';

export interface DecodeOptions {
  /** Keys and values of a prefix that all rows share come in as `prefix_key.L`, `prefix_value.L` [1, kvHeads, prefix, headDim]. */
  readonly prefix: boolean;
  /** Each row's own earlier keys and values come in as `past_key.L`, `past_value.L` [rows, kvHeads, past, headDim]. */
  readonly past: boolean;
  /** The adapter whose parameters come in beside those of the model. */
  readonly adapter?: LoraConfig;
  /** Tokens are drawn in the graph (`drawTokens`), and logits are no output. */
  readonly draw?: DrawKind;
  /** What matrix products are taken in; by default float32. All else is float32 in any case. */
  readonly precision?: Precision | undefined;
}

/**
 * Inputs: parameters, `ids`, `positions` [tokens], rotary tables, `slots`, `places`, `filled`, `bias`
 * [1, or rows where there is a past, 1, steps · heads / kvHeads, prefix + past + steps], `logits_at` [answers]; where there
 * is a prefix or a past, `key_cut`: how many keys each stretch has; for a sliding window `local_bias`. Outputs: `logits` [answers, vocabSize] and the new
 * `key.L`, `value.L` [rows, kvHeads, steps, headDim] of every layer.
 */
export function buildDecoder(
  config: ModelConfig,
  { prefix, past, adapter, draw, precision }: DecodeOptions,
): Uint8Array {
  const graph = new Graph('decoder');
  const { weights, exact } = weightInputs(graph, config, adapter, precision);
  const tokens = tokenInputs(graph, config, 'rowTokens');
  const layout = rowInputs(graph);
  const { kvHeads, headDim } = config;
  const sizes: Dimension[] = [...(prefix ? ['prefix'] : []), ...(past ? ['past'] : []), 'steps'];
  const rows = past ? 'rows' : 1;
  const shape = [rows, 1, queriesPerKeyHead('steps', config), sizes.reduce(addDimensions)];
  const bias = biasInputs(graph, config, '', shape, rows);
  const cut: Cut | undefined =
    sizes.length > 1 ? { sizes, at: graph.input('key_cut', 'int64', [sizes.length]) } : undefined;

  const attention: Attention = (layer, queries, keys, values) => {
    const own = (kind: 'key' | 'value', x: Value): Value => {
      const split = splitKeyHeads(unpackRows(x, layout), config);
      graph.output(`${kind}.${layer}`, split);
      return split;
    };
    const known = (name: 'prefix' | 'past') => {
      const dims = [name === 'past' ? 'rows' : 1, kvHeads, name, headDim];
      return {
        keys: graph.input(`${name}_key.${layer}`, 'float32', dims),
        values: graph.input(`${name}_value.${layer}`, 'float32', dims),
      };
    };
    const stretches = [
      ...(prefix ? [known('prefix')] : []),
      ...(past ? [known('past')] : []),
      { keys: own('key', keys), values: own('value', values) },
    ];
    const seen = bias(config.slidingWindow?.layers[layer] === true);
    return packRows(attend(unpackRows(queries, layout), stretches, seen, { ...config, precision }, cut), layout);
  };
  const hidden = hiddenStates({ config, weights, tokens, attention });
  const answers = gatherRows(hidden, graph.input('logits_at', 'int32', ['answers']));
  const logits = familyOf(config).head(config, exact, answers);
  if (draw) drawTokens(graph, logits, config.vocabSize, draw);
  else graph.output('logits', logits);
  return serialize(graph);
}
