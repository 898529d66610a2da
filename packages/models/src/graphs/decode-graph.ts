// The graph of sampling: new tokens of many rows against keys and values that are already known, raw logits at chosen
// tokens. The layers are those of training.

import { addDimensions, type Dimension, Graph, gatherRows, serialize, type Value } from '@ludic/graph';
import { type Cut, padRows, unpadRows } from '@ludic/graph/internal';
import type { LoraConfig } from '../adapters/adapter.ts';
import { attend, splitKeyHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import { hiddenStates } from '../architectures/hidden-states.ts';
import type { Precision } from '../architectures/precision.ts';
import { familyOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { declareBias, queriesPerKeyHead } from './attention-bias.ts';
import { declareRowPadding, declareTokens } from './packed-tokens.ts';
import { type SamplingKind, sampleTokens } from './sampling-graph.ts';
import { declareWeights } from './weight-inputs.ts';

export interface DecodeOptions {
  /** Keys and values of a prefix that all rows share come in as `prefix_key.L`, `prefix_value.L` [1, kvHeads, prefix, headDim]. */
  readonly prefix: boolean;
  /** Each row's own earlier keys and values come in as `past_key.L`, `past_value.L` [rows, kvHeads, past, headDim]. */
  readonly past: boolean;
  /** The adapter whose parameters come in beside those of the model. */
  readonly adapter?: LoraConfig;
  /** Tokens are drawn in the graph (`sampleTokens`), and logits are no output. */
  readonly sampling?: SamplingKind;
  /** What matrix products are taken in; by default float32. All else is float32 in any case. */
  readonly precision?: Precision | undefined;
}

/**
 * Inputs (of a run: `prefillInputs`, `extendInputs`): parameters, `ids`, `positions` [tokens], rotary tables, `pad_index`, `unpad_index`, `pad_mask`, `bias`
 * [1, or rows where there is a past, 1, steps · heads / kvHeads, prefix + past + steps], `logit_positions` [answers]; where there
 * is a prefix or a past, `key_cut`: how many keys each segment has; for a sliding window `local_bias`. Outputs: `logits` [answers, vocabSize] and the new
 * `key.L`, `value.L` [rows, kvHeads, steps, headDim] of every layer.
 */
export function buildDecoder(
  config: ModelConfig,
  { prefix, past, adapter, sampling, precision }: DecodeOptions,
): Uint8Array {
  const graph = new Graph('decoder');
  const { weights, exact } = declareWeights(graph, config, adapter, precision);
  const tokens = declareTokens(graph, config, 'rowTokens');
  const layout = declareRowPadding(graph);
  const { kvHeads, headDim } = config;
  const sizes: Dimension[] = [...(prefix ? ['prefix'] : []), ...(past ? ['past'] : []), 'steps'];
  const rows = past ? 'rows' : 1;
  const shape = [rows, 1, queriesPerKeyHead('steps', config), sizes.reduce(addDimensions)];
  const bias = declareBias(graph, config, '', shape, rows);
  const cut: Cut | undefined =
    sizes.length > 1 ? { sizes, at: graph.input('key_cut', 'int64', [sizes.length]) } : undefined;

  const attention: Attention = (layer, queries, keys, values) => {
    const own = (kind: 'key' | 'value', x: Value): Value => {
      const split = splitKeyHeads(padRows(x, layout), config);
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
    const segments = [
      ...(prefix ? [known('prefix')] : []),
      ...(past ? [known('past')] : []),
      { keys: own('key', keys), values: own('value', values) },
    ];
    const seen = bias(config.slidingWindow?.layers[layer] === true);
    return unpadRows(attend(padRows(queries, layout), segments, seen, { ...config, precision }, cut), layout);
  };
  const hidden = hiddenStates({ config, weights, tokens, attention });
  const answers = gatherRows(hidden, graph.input('logit_positions', 'int32', ['answers']));
  const logits = familyOf(config).head(config, exact, answers);
  if (sampling) sampleTokens(graph, logits, config.vocabSize, sampling);
  else graph.output('logits', logits);
  return serialize(graph);
}
