// A model as one ONNX file in the layout that transformers.js and Optimum speak: ids and masks in, logits and the
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
  unflatten,
  type Value,
} from '@ludic/graph';
import { floats, type HostTensor } from '@ludic/runtime';
import { attend, splitKeyHeads } from './attention.ts';
import type { ModelConfig, RotaryConfig } from './config.ts';
import type { Attention } from './families/family.ts';
import { hiddenStates } from './families/hidden-states.ts';
import { familyOf } from './families/registry.ts';
import { rotaryTables } from './rope.ts';
import { weightsOf } from './weights.ts';

/** Added to the score of a key that a query may not see. */
const HIDDEN = -1e9;

/**
 * Inputs: `input_ids`, `position_ids` [batch_size, sequence_length], `attention_mask` [batch_size, past + sequence], 1 for
 * tokens and 0 for padding on either side, `past_key_values.N.key|value` [batch_size, kvHeads, past, headDim]. Outputs:
 * `logits` [batch_size, sequence_length, vocabSize], `present.N.key|value`.
 */
export function buildExport(config: ModelConfig, parameters: Readonly<Record<string, HostTensor>>): Uint8Array {
  const graph = new Graph('model');
  const { kvHeads, headDim, maxPositions } = config;
  const [batch, sequence, past] = ['batch_size', 'sequence_length', 'past_sequence_length'];
  const ids = graph.input('input_ids', 'int64', [batch, sequence]);
  const mask = graph.input('attention_mask', 'int64', [batch, addDimensions(past, sequence)]);
  const positions = graph.input('position_ids', 'int64', [batch, sequence]);
  const flat = reshapeFlat(ids);
  // A weight that is used twice, as tied embeddings are, is one constant.
  const constants = new Map<string, Value>();
  const weights = weightsOf(config, (name) => {
    const known = constants.get(name) ?? graph.constant(floats(parameters[name]!), parameters[name]!.dims);
    constants.set(name, known);
    return known;
  });
  const tables = (rotary: RotaryConfig) => {
    const { cos, sin } = rotaryTables(rotary, headDim, maxPositions);
    const dims = [maxPositions, headDim / 2];
    return { cos: graph.constant(cos, dims), sin: graph.constant(sin, dims) };
  };
  const tokens = {
    ids: flat,
    positions: reshapeFlat(positions),
    ...(config.rotary && { rotary: tables(config.rotary) }),
    ...(config.localRotary && { localRotary: tables(config.localRotary) }),
  };
  const { slidingWindow } = config;
  const bias = visibility(mask, positions, config.heads / kvHeads);
  const localBias = slidingWindow && visibility(mask, positions, config.heads / kvHeads, slidingWindow.size);

  const attention: Attention = (layer, queries, keys, values) => {
    const grown = (kind: 'key' | 'value', x: Value): Value => {
      const before = graph.input(`past_key_values.${layer}.${kind}`, 'float32', [batch, kvHeads, past, headDim]);
      const whole = concat([before, splitKeyHeads(unflatten(x, ids), config)], 2);
      graph.output(`present.${layer}.${kind}`, whole);
      return whole;
    };
    const stretch = { keys: grown('key', keys), values: grown('value', values) };
    const seen = localBias && slidingWindow.layers[layer] ? localBias : bias;
    const mixed = attend(unflatten(queries, ids), [stretch], seen, config);
    return reshape(mixed, queries.shape);
  };
  const hidden = hiddenStates({ config, weights, tokens, attention });
  graph.output('logits', unflatten(familyOf(config).head(config, weights, hidden), ids));
  return serialize(graph);
}

const reshapeFlat = (x: Value): Value => reshape(x, [elementCount(x.shape)]);

/**
 * [batch, 1, sequence · group, past + sequence]: 0 where a query may look. A key's position is the number of tokens up
 * to it, so padding on the left and on the right both come out right.
 */
function visibility(mask: Value, positions: Value, group: number, window?: number): Value {
  const { graph } = mask;
  const [batch, total] = mask.shape as [string, string];
  const present = cast(mask, 'float32');
  const keyPositions = reshape(cumulativeSum(present, 1), [batch, 1, 1, total]);
  const [, sequence] = positions.shape as [string, string];
  const grouped = expand(reshape(cast(positions, 'float32'), [batch, sequence, 1]), [batch, sequence, group]);
  const queryPositions = reshape(grouped, [batch, 1, multiplyDimensions(sequence, group), 1]);
  // A key at position p has p + 1 tokens up to it: a query at position q sees it where p + 1 < q + 1.5.
  const before = cast(less(keyPositions, add(queryPositions, graph.scalar(1.5))), 'float32');
  let seen = mul(before, reshape(present, [batch, 1, 1, total]));
  if (window !== undefined) {
    const oldest = add(queryPositions, graph.scalar(1.5 - window));
    seen = mul(seen, cast(less(oldest, keyPositions), 'float32'));
  }
  return scale(sub(graph.scalar(1), seen), HIDDEN);
}
