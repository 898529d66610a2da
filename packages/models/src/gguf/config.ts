// The config.json that the metadata of a GGUF file amount to, and readers of what the families say alike.

import type { Family } from '../architectures/family.ts';
import { shown } from '../config/known-fields.ts';
import type { Json, ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { bad } from './gguf-header.ts';
import type { GgufMetadata } from './metadata.ts';
import type { GgufFields } from './traits.ts';

/** @throws ModelError `unknown_family` or `bad_gguf` */
export function ggufConfig(metadata: GgufMetadata, families: readonly Family[]): { family: Family; json: Json } {
  const { architecture } = metadata;
  const parts = metadata.number('split.count') ?? 1;
  if (parts > 1)
    throw bad(
      `it is one of ${parts} parts. Join them with "llama-gguf-split --merge" of llama.cpp, and give the whole`,
    );
  const family = families.find(({ gguf }) => gguf.architecture === architecture);
  if (!family) {
    const known = families.map(({ gguf }) => gguf.architecture).join(', ');
    throw new ModelError('unknown_family', `Its architecture ${shown(architecture)} is not known. Known: ${known}.`);
  }
  const embeddings = metadata.tensors.get('token_embd.weight');
  if (!embeddings) throw bad('it has no token_embd.weight');
  const fields = family.gguf.readConfig(metadata);
  // Of no use here: the vocabulary is counted, and layers are told apart by their tensors.
  metadata.number(`${architecture}.vocab_size`);
  return {
    family,
    json: {
      model_type: family.name,
      vocab_size: embeddings.shape[0],
      tie_word_embeddings: !metadata.tensors.has('output.weight'),
      ...fields,
      ...specialTokens(metadata),
      ...metadata.unheeded,
    },
  };
}

function specialTokens(metadata: GgufMetadata): Json {
  const id = (name: string) => metadata.number(`tokenizer.ggml.${name}_token_id`);
  // The ends of a turn and of a message, where a model has them beside the end of a text.
  const ends = [id('eos'), id('eot'), id('eom')].filter((one) => one !== undefined);
  return { bos_token_id: id('bos') ?? null, eos_token_id: [...new Set(ends)], pad_token_id: id('padding') ?? null };
}

/** What decoders with rotary positions say, under the names of their config.json. */
export function rotaryConfig(metadata: GgufMetadata): Json {
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
export const rotaryFields =
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
