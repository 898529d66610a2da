// What GGUF calls each family of models, what it says of one, and how numbers lie there.

import { shown } from '../config/known-fields.ts';
import type { FamilyName, Json, ModelConfig } from '../config/model-config.ts';
import { bad } from './gguf-header.ts';
import type { GgufMetadata } from './metadata.ts';
import type { GgufFields, GgufTraits } from './traits.ts';

/** What decoders with rotary positions say, under the names of their config.json. */
function rotaryConfig(metadata: GgufMetadata): Json {
  const { architecture } = metadata;
  const own = (name: string) => `${architecture}.${name}`;
  const hidden = metadata.needed('embedding_length');
  const heads = metadata.needed('attention.head_count');
  const headDim = metadata.number(own('attention.key_length')) ?? hidden / heads;
  for (const name of ['attention.value_length', 'rope.dimension_count']) {
    const other = metadata.number(own(name)) ?? headDim;
    if (other !== headDim)
      throw bad(`its ${own(name)} is ${other} and its heads have ${headDim} numbers; both must be equal here`);
  }
  const experts = metadata.number(own('expert_count')) ?? 0;
  if (experts > 0) throw bad(`it is a mixture of ${experts} experts, which no model is that is read here`);
  const window = metadata.number(own('attention.sliding_window'));
  return {
    hidden_size: hidden,
    intermediate_size: metadata.needed('feed_forward_length'),
    num_hidden_layers: metadata.needed('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: metadata.number(own('attention.head_count_kv')) ?? heads,
    head_dim: headDim,
    max_position_embeddings: metadata.needed('context_length'),
    rms_norm_eps: metadata.decimal(own('attention.layer_norm_rms_epsilon')),
    rope_theta: metadata.decimal(own('rope.freq_base')),
    ...(window !== undefined && { sliding_window: window }),
    rope_scaling: ropeScaling(metadata),
  };
}

function ropeScaling(metadata: GgufMetadata): Json | null {
  const own = (name: string) => `${metadata.architecture}.rope.scaling.${name}`;
  const type = metadata.text(own('type')) ?? 'none';
  const factor = metadata.decimal(own('factor'));
  metadata.number(own('original_context_length'));
  // Factors by dimension, where they are there, are in a tensor: see `stretched`.
  if (type === 'none') return null;
  if (type !== 'linear') throw bad(`its rotary positions are stretched by ${shown(type)}, which is not computed here`);
  return { rope_type: 'linear', factor };
}

/** The same as metadata. */
const rotaryFields =
  (architecture: string) =>
  (config: ModelConfig): GgufFields => {
    const { rotary, slidingWindow } = config;
    const { theta, scaling } = rotary!;
    const own = {
      context_length: { u32: config.maxPositions },
      embedding_length: { u32: config.hiddenSize },
      block_count: { u32: config.layers },
      feed_forward_length: { u32: config.intermediateSize },
      'attention.head_count': { u32: config.heads },
      'attention.head_count_kv': { u32: config.kvHeads },
      'attention.key_length': { u32: config.headDim },
      'attention.value_length': { u32: config.headDim },
      'attention.layer_norm_rms_epsilon': { f32: config.normEpsilon },
      'attention.sliding_window': slidingWindow && { u32: slidingWindow.size },
      'rope.dimension_count': { u32: config.headDim },
      'rope.freq_base': { f32: theta },
      vocab_size: { u32: config.vocabSize },
      ...(scaling &&
        !('lowFreqFactor' in scaling) && {
          'rope.scaling.type': 'linear',
          'rope.scaling.factor': { f32: scaling.factor },
        }),
    };
    return Object.fromEntries(Object.entries(own).map(([name, value]) => [`${architecture}.${name}`, value]));
  };

/** Names of the tensors of decoders with rotary positions. */
const ROTARY_NAMES: GgufTraits['names'] = {
  'model.embed_tokens': 'token_embd',
  'model.layers.{}.input_layernorm': 'blk.{}.attn_norm',
  'model.layers.{}.self_attn.q_proj': 'blk.{}.attn_q',
  'model.layers.{}.self_attn.k_proj': 'blk.{}.attn_k',
  'model.layers.{}.self_attn.v_proj': 'blk.{}.attn_v',
  'model.layers.{}.self_attn.q_norm': 'blk.{}.attn_q_norm',
  'model.layers.{}.self_attn.k_norm': 'blk.{}.attn_k_norm',
  'model.layers.{}.self_attn.o_proj': 'blk.{}.attn_output',
  'model.layers.{}.post_attention_layernorm': 'blk.{}.ffn_norm',
  'model.layers.{}.mlp.gate_proj': 'blk.{}.ffn_gate',
  'model.layers.{}.mlp.up_proj': 'blk.{}.ffn_up',
  'model.layers.{}.mlp.down_proj': 'blk.{}.ffn_down',
  'model.norm': 'output_norm',
  lm_head: 'output',
};

const rotaryTraits = (architecture: string): GgufTraits => ({
  architecture,
  readConfig: rotaryConfig,
  writeConfig: rotaryFields(architecture),
  names: ROTARY_NAMES,
});

/** The 27 B model alone scales queries by the width of the model: GGUF leaves that to be known. */
const LAYERS_OF_27B = 62;

function readGemma(metadata: GgufMetadata): Json {
  const shared = rotaryConfig(metadata);
  const { hidden_size: hidden, num_attention_heads: heads, num_hidden_layers: layers, head_dim: headDim } = shared;
  return {
    ...shared,
    query_pre_attn_scalar: layers === LAYERS_OF_27B ? (hidden as number) / (heads as number) : headDim,
    rope_theta: shared.rope_theta ?? 1_000_000,
    rope_local_base_freq: metadata.decimal('gemma3.rope.freq_base_swa') ?? 10_000,
  };
}

const readGpt2 = (metadata: GgufMetadata): Json => ({
  n_embd: metadata.needed('embedding_length'),
  n_inner: metadata.needed('feed_forward_length'),
  n_layer: metadata.needed('block_count'),
  n_head: metadata.needed('attention.head_count'),
  n_positions: metadata.needed('context_length'),
  layer_norm_epsilon: metadata.decimal('gpt2.attention.layer_norm_epsilon'),
});

const writeGpt2 = (config: ModelConfig): GgufFields => ({
  'gpt2.context_length': { u32: config.maxPositions },
  'gpt2.embedding_length': { u32: config.hiddenSize },
  'gpt2.block_count': { u32: config.layers },
  'gpt2.feed_forward_length': { u32: config.intermediateSize },
  'gpt2.attention.head_count': { u32: config.heads },
  'gpt2.attention.layer_norm_epsilon': { f32: config.normEpsilon },
});

export const GGUF_FAMILIES: Readonly<Record<FamilyName, GgufTraits>> = {
  llama: {
    ...rotaryTraits('llama'),
    // There neighbouring numbers of a head turn together, here those that are half a head apart.
    layoutOf: (name) => (/self_attn\.[qk]_proj\.weight$/.test(name) ? 'paired_rows' : undefined),
  },
  qwen2: rotaryTraits('qwen2'),
  qwen3: rotaryTraits('qwen3'),
  gemma3_text: {
    ...rotaryTraits('gemma3'),
    readConfig: readGemma,
    names: {
      ...ROTARY_NAMES,
      'model.layers.{}.post_attention_layernorm': 'blk.{}.post_attention_norm',
      'model.layers.{}.pre_feedforward_layernorm': 'blk.{}.ffn_norm',
      'model.layers.{}.post_feedforward_layernorm': 'blk.{}.post_ffw_norm',
    },
    layoutOf: (name) => (/norm\.weight$/.test(name) ? 'from_zero' : undefined),
  },
  gpt2: {
    architecture: 'gpt2',
    readConfig: readGpt2,
    writeConfig: writeGpt2,
    positions: 'wpe.weight',
    names: {
      wte: 'token_embd',
      wpe: 'position_embd',
      'h.{}.ln_1': 'blk.{}.attn_norm',
      'h.{}.attn.c_attn': 'blk.{}.attn_qkv',
      'h.{}.attn.c_proj': 'blk.{}.attn_output',
      'h.{}.ln_2': 'blk.{}.ffn_norm',
      'h.{}.mlp.c_fc': 'blk.{}.ffn_up',
      'h.{}.mlp.c_proj': 'blk.{}.ffn_down',
      ln_f: 'output_norm',
      lm_head: 'output',
    },
  },
};
