// The graph of sampling: new tokens of many rows against keys and values that are already known, raw logits at chosen
// tokens. The layers are those of training. Below it, the inputs of a run: whole sequences after a prefix, or new tokens of
// rows that have keys and values.

import {
  addDimensions,
  type Dimension,
  Graph,
  gatherRows,
  multiplyDimensions,
  reshape,
  serialize,
  type Value,
} from '@ludic/graph';
import { type Cut, take } from '@ludic/graph/internal';
import { type HostTensor, int32, int64, type Tensor, type Tensors, zeros } from '@ludic/runtime';
import { attendHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import { hiddenStates } from '../architectures/hidden-states.ts';
import { familyOf } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import {
  declareBias,
  NO_PAST,
  type PastRows,
  pastBias,
  queriesPerKeyHead,
  span,
  windowBias,
} from './attention-bias.ts';
import { cacheNames } from './cache-graph.ts';
import { declareTokens, type PaddedRows, padToRows, type TokenSpan, tokenInputs } from './packed-tokens.ts';
import { type SamplingKind, sampleTokens } from './sampling-graph.ts';
import { declareWeights, type WeightForm } from './weight-inputs.ts';

export interface DecodeOptions extends WeightForm {
  /** Keys and values of a prefix that all rows share come in as `prefix_key.L`, `prefix_value.L` [1, kvHeads, prefix, headDim]. */
  readonly prefix: boolean;
  /** Each row's own earlier keys and values come in as `past_key.L`, `past_value.L` [rows, kvHeads, past, headDim]. */
  readonly past: boolean;
  /** Tokens are drawn in the graph (`sampleTokens`), and logits are no output. */
  readonly sampling?: SamplingKind;
}

/**
 * Inputs (of a run: `prefillInputs`, `extendInputs`): parameters, `ids`, `positions` [tokens], rotary tables, `pad_index`, `unpad_index`, `bias`
 * [1, or rows where there is a past, 1, steps · heads / kvHeads, prefix + past + steps], `logit_positions` [answers]; where there
 * is a prefix or a past, `key_cut`: how many keys each segment has; for a sliding window `local_bias`. Outputs: `logits` [answers, vocabSize] and the new
 * `key.L`, `value.L` [rows, kvHeads, steps, headDim] of every layer.
 */
export function buildDecoder(config: ModelConfig, { prefix, past, sampling, ...options }: DecodeOptions): Uint8Array {
  const graph = new Graph('decoder');
  const { weights, exact } = declareWeights(graph, config, options);
  const { precision } = options;
  const tokens = declareTokens(graph, config, 'rowTokens');
  const { kvHeads, headDim } = config;
  const { toHeads, toTokens } = headRows(graph, kvHeads);
  const sizes: Dimension[] = [...(prefix ? ['prefix'] : []), ...(past ? ['past'] : []), 'steps'];
  const rows = past ? 'rows' : 1;
  const shape = [rows, 1, queriesPerKeyHead('steps', config), sizes.reduce(addDimensions)];
  const bias = declareBias(graph, config, '', shape, rows);
  const cut: Cut | undefined =
    sizes.length > 1 ? { sizes, at: graph.input('key_cut', 'int64', [sizes.length]) } : undefined;

  const attention: Attention = (layer, queries, keys, values) => {
    const own = (kind: 'key' | 'value', x: Value): Value => {
      const split = toHeads(x);
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
    return toTokens(attendHeads(toHeads(queries), segments, seen, { ...config, precision }, cut));
  };
  const hidden = hiddenStates({ config, weights, tokens, attention });
  const answers = gatherRows(hidden, graph.input('logit_positions', 'int32', ['answers']));
  const logits = familyOf(config).head(config, exact, answers);
  if (sampling) sampleTokens(graph, logits, config.vocabSize, sampling);
  else graph.output('logits', logits);
  return serialize(graph);
}

/** The heads of packed tokens laid out as padded rows, and the way back: one pick each, where a transpose would be another copy. */
function headRows(graph: Graph, kvHeads: number) {
  const padIndex = graph.input('pad_index', 'int32', ['rows', kvHeads, 'steps']);
  const unpadIndex = graph.input('unpad_index', 'int32', ['rowTokens', kvHeads]);
  return {
    /** [rowTokens, kvHeads · width] → [rows, kvHeads, steps, width] */
    toHeads(x: Value): Value {
      const [tokens, width] = x.shape as [Dimension, number];
      return take(reshape(x, [multiplyDimensions(tokens, kvHeads), width / kvHeads]), padIndex, 0);
    },
    /** [rows, kvHeads, steps, width] → [rowTokens, kvHeads · width] */
    toTokens(x: Value): Value {
      const [rows, , steps, width] = x.shape as [Dimension, number, Dimension, number];
      const flat = reshape(x, [multiplyDimensions(multiplyDimensions(rows, steps), kvHeads), width]);
      return reshape(take(flat, unpadIndex, 0), ['rowTokens', kvHeads * width]);
    },
  };
}

/** The indices that `headRows` declares. */
function headInputs({ inputs, steps }: PaddedRows, kvHeads: number): Record<'pad_index' | 'unpad_index', HostTensor> {
  const [slots, tokens] = [inputs.pad_index.data as Int32Array, inputs.unpad_index.data as Int32Array];
  const rows = slots.length / steps;
  const pad = new Int32Array(slots.length * kvHeads);
  const unpad = new Int32Array(tokens.length * kvHeads);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < kvHeads; head++) {
      for (let step = 0; step < steps; step++) pad[at++] = slots[row * steps + step]! * kvHeads + head;
    }
  }
  for (const [token, slot] of tokens.entries()) {
    const row = Math.floor(slot / steps);
    for (let head = 0; head < kvHeads; head++)
      unpad[token * kvHeads + head] = (row * (kvHeads - 1) + head) * steps + slot;
  }
  return {
    pad_index: int32(pad, [rows, kvHeads, steps]),
    unpad_index: int32(unpad, [tokens.length, kvHeads]),
  };
}

/** Tokens that all rows of a run begin with, and their keys and values, by the names of `cacheNames`. */
export interface CachedPrefix {
  readonly tokens: Int32Array;
  readonly tensors: Tensors;
}

/** The rows that a run goes on from, after the prefix; `tensors` by the names of `cacheNames`. */
export interface CachedRows extends PastRows {
  readonly tensors: Tensors;
}

/** For a graph that has a prefix in any case: none. */
export const noPrefix = (config: ModelConfig): CachedPrefix => ({
  tokens: new Int32Array(),
  tensors: noKeys(config, 1),
});

/** For a graph that has a past in any case: rows without any. */
export const freshRows = (config: ModelConfig, rows: number): CachedRows => ({
  lengths: new Int32Array(rows),
  capacity: 0,
  tensors: noKeys(config, rows),
});

const noKeys = (config: ModelConfig, rows: number): Tensors =>
  Object.fromEntries(cacheNames(config).map((name) => [name, zeros([rows, config.kvHeads, 0, config.headDim])]));

export interface DecodeInputs {
  /** All inputs but the parameters, `logit_positions` and those of sampling. */
  readonly inputs: Record<string, Tensor>;
  /** The packed index of each row's last token. */
  readonly lastTokens: readonly number[];
}

/** Feeds what comes after the prefix in each sequence, at least one token each. */
export function prefillInputs(
  config: ModelConfig,
  sequences: readonly Int32Array[],
  prefix?: CachedPrefix,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const spans = sequences.map((sequence) => ({ ids: sequence.subarray(known), position: known }));
  return decodeInputs(config, spans, prefix);
}

/** Feeds new tokens to rows with keys and values of their own. A row that waits is fed none, and has no last token. */
export function extendInputs(
  config: ModelConfig,
  fed: readonly Int32Array[],
  past: CachedRows,
  prefix?: CachedPrefix,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const spans = fed.map((ids, row) => ({ ids, position: known + past.lengths[row]! }));
  return decodeInputs(config, spans, prefix, past);
}

function decodeInputs(
  config: ModelConfig,
  spans: readonly TokenSpan[],
  prefix?: CachedPrefix,
  past?: CachedRows,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const rows = padToRows(spans.map(({ ids }) => ids.length));
  const { steps, lastTokens } = rows;
  return {
    inputs: {
      ...tokenInputs(config, spans),
      ...headInputs(rows, config.kvHeads),
      bias: pastBias(past ?? NO_PAST, known, steps, config.heads / config.kvHeads),
      ...localPastBias(config, past ?? NO_PAST, known, steps),
      ...keysAndValues(steps, prefix, past),
    },
    lastTokens,
  };
}

/** What layers with a sliding window see. */
function localPastBias(
  { slidingWindow, heads, kvHeads }: ModelConfig,
  { lengths, capacity }: PastRows,
  known: number,
  steps: number,
): { local_bias?: HostTensor } {
  if (!slidingWindow) return {};
  const rows = Array.from(lengths, (length) => {
    const past = span(known, capacity).map((position) => (position < known + length ? position : -1));
    const own = span(known + length, steps);
    return { queries: own, keys: [...span(0, known), ...past, ...own] };
  });
  return { local_bias: windowBias(rows, slidingWindow.size, heads / kvHeads) };
}

/** What is known already, and how many keys each segment has: prefix, past and new tokens. */
function keysAndValues(steps: number, prefix?: CachedPrefix, past?: CachedRows): Record<string, Tensor> {
  const sizes = [...(prefix ? [prefix.tokens.length] : []), ...(past ? [past.capacity] : []), steps];
  const named = (start: string, tensors: Tensors = {}) =>
    Object.entries(tensors).map(([name, tensor]) => [`${start}_${name}`, tensor] as const);
  return {
    ...Object.fromEntries([...named('prefix', prefix?.tensors), ...named('past', past?.tensors)]),
    key_cut: int64(sizes, [sizes.length]),
  };
}
