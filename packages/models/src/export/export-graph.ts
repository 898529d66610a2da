// A model as one ONNX graph in the layout that transformers.js and Optimum speak: ids and masks in, logits and the
// grown cache out, weights inside.

import {
  add,
  addDimensions,
  cast,
  concat,
  cumulativeSum,
  elementCount,
  expand,
  Graph,
  less,
  mul,
  multiplyDimensions,
  reshape,
  scale,
  serialize,
  sub,
  type Value,
} from '@ludic/graph';
import { type Cut, cutAt, sizesAt, unflatten } from '@ludic/graph/internal';
import type { HostTensor } from '@ludic/runtime';
import { attend, splitKeyHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import { hiddenStates } from '../architectures/hidden-states.ts';
import { familyOf } from '../architectures/registry.ts';
import { rotaryTables } from '../architectures/rope.ts';
import type { ModelConfig, RotaryConfig } from '../config/model-config.ts';
import { MASKED } from '../graphs/attention-bias.ts';
import { type ExportDtype, exportWeights } from './export-weights.ts';

/** Bytes of the graph that `exportGraph` builds. */
export const buildExport = (...model: Parameters<typeof exportGraph>): Uint8Array => serialize(exportGraph(...model));

/**
 * Inputs: `input_ids`, `position_ids` [batch_size, sequence_length], `attention_mask` [batch_size, past + sequence], 1 for
 * tokens and 0 for padding on either side, `past_key_values.N.key|value` [batch_size, kvHeads, past, headDim]. Outputs:
 * `logits` [batch_size, sequence_length, vocabSize], `present.N.key|value`. The cache is float16 where the weights are,
 * logits are always float32.
 */
export function exportGraph(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  dtype: ExportDtype = 'fp32',
): Graph {
  const graph = new Graph('model');
  const { kvHeads, headDim, maxPositions } = config;
  const [batch, sequence, past] = ['batch_size', 'sequence_length', 'past_sequence_length'];
  const ids = graph.input('input_ids', 'int64', [batch, sequence]);
  const mask = graph.input('attention_mask', 'int64', [batch, addDimensions(past, sequence)]);
  const positions = graph.input('position_ids', 'int64', [batch, sequence]);
  const cached = (layer: number, kind: 'key' | 'value') =>
    graph.input(`past_key_values.${layer}.${kind}`, dtype === 'fp16' ? 'float16' : 'float32', [
      batch,
      kvHeads,
      past,
      headDim,
    ]);
  const firstKeys = cached(0, 'key');
  const weights = exportWeights(graph, config, parameters, dtype);
  const tables = (rotary: RotaryConfig) => {
    const { cos, sin } = rotaryTables(rotary, headDim, maxPositions);
    const dims = [maxPositions, headDim / 2];
    return { cos: graph.constant(cos, dims), sin: graph.constant(sin, dims) };
  };
  const tokens = {
    ids: reshapeFlat(ids),
    positions: config.rotary ? reshape(positions, [elementCount(positions.shape), 1]) : reshapeFlat(positions),
    ...(config.rotary && { rotary: tables(config.rotary) }),
    ...(config.localRotary && { localRotary: tables(config.localRotary) }),
  };
  const { slidingWindow } = config;
  const cut = { sizes: [past, sequence], at: concat([sizesAt(firstKeys, 2, 3), sizesAt(ids, 1, 2)], 0) };
  const group = config.heads / kvHeads;
  const bias = visibility(mask, cut, group);
  const localBias = slidingWindow && visibility(mask, cut, group, slidingWindow.size);

  const attention: Attention = (layer, queries, keys, values) => {
    const grown = (kind: 'key' | 'value', x: Value): Value => {
      const before = layer === 0 && kind === 'key' ? firstKeys : cached(layer, kind);
      const whole = concat([before, cast(splitKeyHeads(unflatten(x, ids), config), before.type)], 2);
      graph.output(`present.${layer}.${kind}`, whole);
      return whole;
    };
    const segment = { keys: grown('key', keys), values: grown('value', values) };
    const seen = localBias && slidingWindow.layers[layer] ? localBias : bias;
    const mixed = attend(unflatten(queries, ids), [segment], seen, config);
    return reshape(mixed, queries.shape);
  };
  const hidden = hiddenStates({ config, weights, tokens, attention });
  graph.output('logits', unflatten(familyOf(config).head(config, weights, hidden), ids));
  return graph;
}

const reshapeFlat = (x: Value): Value => reshape(x, [elementCount(x.shape)]);

/**
 * [batch, 1, sequence · group, past + sequence]: 0 where a query may look. The place of a token is the number of tokens up
 * to it, so padding on the left and on the right both come out right, and so do positions that are counted from 1, as
 * transformers.js does it for Gemma.
 */
function visibility(mask: Value, cut: Cut, group: number, window?: number): Value {
  const { graph } = mask;
  const [batch, total] = mask.shape as [string, string];
  const sequence = cut.sizes[1] as string;
  const present = cast(mask, 'float32');
  const places = cumulativeSum(present, 1);
  const keys = reshape(places, [batch, 1, 1, total]);
  const grouped = expand(reshape(cutAt(places, 1, cut)[1]!, [batch, sequence, 1]), [batch, sequence, group]);
  const queries = reshape(grouped, [batch, 1, multiplyDimensions(sequence, group), 1]);
  const before = cast(less(keys, add(queries, graph.scalar(0.5))), 'float32');
  let seen = mul(before, reshape(present, [batch, 1, 1, total]));
  if (window !== undefined) {
    const oldest = add(queries, graph.scalar(0.5 - window));
    seen = mul(seen, cast(less(oldest, keys), 'float32'));
  }
  return scale(sub(graph.scalar(1), seen), MASKED);
}
