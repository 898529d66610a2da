// The network that Llama and Qwen share: RMSNorm before each block, rotary positions, grouped-query attention, SwiGLU.
// The families differ by traits.

import {
  add,
  type Dimension,
  mul,
  multiplyDimensions,
  reshape,
  rmsNorm,
  rotary,
  scale,
  silu,
  type Value,
} from '@ludic/graph';
import { type FieldTable, shown } from '../config/known-fields.ts';
import {
  bad,
  count,
  type FamilyName,
  flag,
  type Json,
  type ModelConfig,
  positive,
  readCommon,
  type SlidingWindow,
  writeCommon,
} from '../config/model-config.ts';
import { readLayerTypes, readRotary, writeLayerTypes, writeRopeScaling } from '../config/rope-config.ts';
import { CHATML } from '../text/default-template.ts';
import { attentionActivations, type Family, type Network, plainName, type TensorSpec, type Weights } from './family.ts';

export interface RotaryDecoderTraits {
  readonly name: FamilyName;
  readonly architecture: string;
  readonly fields: FieldTable;
  /** Biases of the query, key and value projections. */
  readonly qkvBias: boolean;
  /** An RMSNorm of each query and key head. */
  readonly qkNorm: boolean;
  /** Where config.json says nothing; by default hidden_size / num_attention_heads. */
  readonly headDim?: number;
}

export function rotaryDecoder(traits: RotaryDecoderTraits): Family {
  return {
    name: traits.name,
    fields: traits.fields,
    defaultTemplate: CHATML,
    embeddings: 'model.embed_tokens.weight',
    readConfig: (json) => readConfig(json, traits),
    writeConfig: (config) => writeConfig(config, traits),
    tensors: (config) => tensors(config, traits),
    nameOf: plainName,
    storedName: (name) => name,
    activationsPerToken: (config) => attentionActivations(config) + 4 * config.intermediateSize,
    embed: (_config, weights, tokens) => weights.rows('model.embed_tokens.weight', tokens.ids),
    layer: (x, layer, network) => block(x, layer, network, traits),
    head,
  };
}

function readConfig(json: Json, traits: RotaryDecoderTraits): ModelConfig {
  const shape = readShape(json, traits.headDim);
  const slidingWindow = readWindow(json, shape.layers);
  return {
    family: traits.name,
    ...readCommon(json),
    ...shape,
    normEpsilon: positive(json, 'rms_norm_eps', 1e-6),
    rotary: readRotary(json),
    ...(slidingWindow && { slidingWindow }),
    tieWordEmbeddings: flag(json, 'tie_word_embeddings', false),
    maxPositions: count(json, 'max_position_embeddings', 2048),
  };
}

/** Sizes, under the names that Llama gave them. */
export function readShape(
  json: Json,
  usualHeadDim?: number,
): Pick<ModelConfig, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim'> {
  const hiddenSize = count(json, 'hidden_size');
  const heads = count(json, 'num_attention_heads');
  const kvHeads = count(json, 'num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw bad(`num_key_value_heads ${kvHeads} does not divide num_attention_heads ${heads}`);
  if (json.head_dim == null && usualHeadDim === undefined && hiddenSize % heads !== 0)
    throw bad(`hidden_size ${hiddenSize} is no multiple of num_attention_heads ${heads}`);
  const headDim = count(json, 'head_dim', usualHeadDim ?? hiddenSize / heads);
  if (headDim % 2 !== 0) throw bad(`head_dim ${headDim} is odd; rotary positions turn pairs`);
  return {
    hiddenSize,
    intermediateSize: count(json, 'intermediate_size'),
    layers: count(json, 'num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
  };
}

/** Layers with a sliding window, as Qwen has them: those that layer_types names, else all from max_window_layers on. */
function readWindow(json: Json, layers: number): SlidingWindow | undefined {
  const windowed = flag(json, 'use_sliding_window', false) && json.sliding_window !== null;
  const types = readLayerTypes(json, layers);
  if (!windowed) {
    if (types?.includes(true)) throw bad('layer_types names sliding_attention, but there is no sliding window');
    return undefined;
  }
  const first = json.max_window_layers ?? 28;
  if (!Number.isSafeInteger(first)) throw bad(`max_window_layers is ${shown(first)}; a whole number is needed`);
  const local = types ?? Array.from({ length: layers }, (_, layer) => layer >= (first as number));
  const size = count(json, 'sliding_window', 4096);
  return local.includes(true) ? { size, layers: local } : undefined;
}

function writeConfig(config: ModelConfig, { architecture, qkvBias }: RotaryDecoderTraits): Json {
  const { theta, scaling } = config.rotary!;
  const { slidingWindow } = config;
  return {
    architectures: [architecture],
    ...writeCommon(config),
    ...writeShape(config),
    hidden_act: 'silu',
    attention_bias: qkvBias,
    mlp_bias: false,
    rms_norm_eps: config.normEpsilon,
    rope_theta: theta,
    rope_scaling: writeRopeScaling(scaling),
    ...(slidingWindow && {
      use_sliding_window: true,
      sliding_window: slidingWindow.size,
      // For readers that do not know layer_types: the first such layer.
      max_window_layers: slidingWindow.layers.indexOf(true),
      layer_types: writeLayerTypes(slidingWindow),
    }),
  };
}

export const writeShape = (config: ModelConfig): Json => ({
  hidden_size: config.hiddenSize,
  intermediate_size: config.intermediateSize,
  num_hidden_layers: config.layers,
  num_attention_heads: config.heads,
  num_key_value_heads: config.kvHeads,
  head_dim: config.headDim,
  max_position_embeddings: config.maxPositions,
});

function tensors(config: ModelConfig, { qkvBias, qkNorm }: RotaryDecoderTraits): ReadonlyMap<string, TensorSpec> {
  const { vocabSize, hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  const all = new Map<string, TensorSpec>();
  const vector = (name: string, size: number, init: TensorSpec['init']) => all.set(name, { shape: [size], init });
  const linear = (name: string, to: number, from: number, init: TensorSpec['init'] = 'normal') =>
    all.set(`${name}.weight`, { shape: [to, from], init, linear: 'out_in' });
  all.set('model.embed_tokens.weight', { shape: [vocabSize, hiddenSize], init: 'normal' });
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (name: string) => `model.layers.${layer}.${name}`;
    vector(at('input_layernorm.weight'), hiddenSize, 'ones');
    for (const [name, width] of [
      ['q', heads * headDim],
      ['k', kvHeads * headDim],
      ['v', kvHeads * headDim],
    ] as const) {
      linear(at(`self_attn.${name}_proj`), width, hiddenSize);
      if (qkvBias) vector(at(`self_attn.${name}_proj.bias`), width, 'zeros');
    }
    if (qkNorm) for (const name of ['q', 'k']) vector(at(`self_attn.${name}_norm.weight`), headDim, 'ones');
    linear(at('self_attn.o_proj'), hiddenSize, heads * headDim, 'residual');
    vector(at('post_attention_layernorm.weight'), hiddenSize, 'ones');
    linear(at('mlp.gate_proj'), intermediateSize, hiddenSize);
    linear(at('mlp.up_proj'), intermediateSize, hiddenSize);
    linear(at('mlp.down_proj'), hiddenSize, intermediateSize, 'residual');
  }
  vector('model.norm.weight', hiddenSize, 'ones');
  if (!config.tieWordEmbeddings) linear('lm_head', vocabSize, hiddenSize);
  return all;
}

function block(
  x: Value,
  layer: number,
  { config, weights, tokens, attention }: Network,
  { qkNorm }: RotaryDecoderTraits,
): Value {
  const at = (name: string) => `model.layers.${layer}.${name}`;
  const norm = (y: Value, name: string) => rmsNorm(y, weights.tensor(at(`${name}.weight`)), config.normEpsilon);
  const normal = norm(x, 'input_layernorm');
  const project = (name: 'q' | 'k' | 'v') => weights.linear(normal, at(`self_attn.${name}_proj`));
  const turn = (name: 'q' | 'k') => {
    const plain = project(name);
    const normed = qkNorm ? headNorm(plain, weights.tensor(at(`self_attn.${name}_norm.weight`)), config) : plain;
    return rotary(normed, tokens.positions, tokens.rotary!);
  };
  const queries = scale(turn('q'), 1 / Math.sqrt(config.headDim));
  const mixed = attention(layer, queries, turn('k'), project('v'));
  const between = add(x, weights.linear(mixed, at('self_attn.o_proj')));

  const inner = norm(between, 'post_attention_layernorm');
  const gate = silu(weights.linear(inner, at('mlp.gate_proj')));
  return add(between, weights.linear(mul(gate, weights.linear(inner, at('mlp.up_proj'))), at('mlp.down_proj')));
}

/** RMSNorm of every head of x [tokens, heads · headDim] with one weight [headDim]. */
export function headNorm(x: Value, weight: Value, { headDim, normEpsilon }: ModelConfig): Value {
  const [tokens, width] = x.shape as [Dimension, number];
  const heads = reshape(x, [multiplyDimensions(tokens, width / headDim), headDim]);
  return reshape(rmsNorm(heads, weight, normEpsilon), x.shape);
}

function head(config: ModelConfig, weights: Weights, hidden: Value): Value {
  return plainHead(config, weights, rmsNorm(hidden, weights.tensor('model.norm.weight'), config.normEpsilon));
}

/** Logits of normed hidden states: by the embeddings where they are tied. */
export function plainHead(config: ModelConfig, weights: Weights, normal: Value): Value {
  return weights.linear(normal, config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head');
}
