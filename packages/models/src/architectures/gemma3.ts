// Gemma 3, text only: norms around each block whose weights are counted from 1, normed queries and keys, scaled
// embeddings, and layers that see a sliding window and turn by frequencies of their own.

import { add, geluTanh, mul, rmsNorm, rotary, scale, type Value } from '@ludic/graph';
import { computed, type FieldTable, harmless, refused } from '../config/known-fields.ts';
import { count, flag, type Json, type ModelConfig, positive, readCommon, writeCommon } from '../config/model-config.ts';
import { ROTARY_FIELDS } from '../config/model-fields.ts';
import {
  readLayerTypes,
  readRotaries,
  writeLayerTypes,
  writeRopeScaling,
  writeRotaries,
} from '../config/rope-config.ts';
import type { DefaultTemplate } from '../text/default-template.ts';
import { attentionActivations, type Family, plainName, type TensorSpec } from './family.ts';
import { headNorm, plainHead, readShape, writeShape } from './rotary-decoder.ts';

/** Why the multimodal Gemma 3, whose `model_type` is another, is refused. */
export const MULTIMODAL_GEMMA =
  'config.json: model_type gemma3 is Gemma 3 with images. Give one that is text alone (model_type gemma3_text), such as ' +
  'google/gemma-3-1b-it, or save its language model from transformers with Gemma3ForCausalLM.';

const FIELDS: FieldTable = {
  ...ROTARY_FIELDS,
  ...harmless('hidden_act cache_implementation'),
  ...refused('hidden_activation', { fine: ['gelu_pytorch_tanh'], notFine: [false] }),
  ...computed('rope_local_base_freq query_pre_attn_scalar'),
  ...computed('sliding_window sliding_window_pattern _sliding_window_pattern'),
  ...refused('use_bidirectional_attention'),
};

/** Gemma knows no system role: the text waits for the next user message, or becomes one where none follows. */
const TEMPLATE: DefaultTemplate = {
  title: 'Gemma',
  source: [
    "{{ bos_token }}{% set ns = namespace(system='') %}",
    '{% for message in messages %}',
    "{% if message.role == 'system' %}{% set ns.system = ns.system + message.content + '\\n\\n' %}",
    "{% elif message.role == 'user' %}",
    "{{ '<start_of_turn>user\\n' + ns.system + message.content | trim + '<end_of_turn>\\n' }}{% set ns.system = '' %}",
    "{% else %}{{ '<start_of_turn>model\\n' + message.content | trim + '<end_of_turn>\\n' }}{% endif %}",
    '{% endfor %}',
    "{% if ns.system %}{{ '<start_of_turn>user\\n' + ns.system | trim + '<end_of_turn>\\n' }}{% endif %}",
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
  ].join(''),
  needs: ['<start_of_turn>', '<end_of_turn>'],
  tokens: { bos_token: '<bos>' },
};

export const gemma3: Family = {
  name: 'gemma3_text',
  fields: FIELDS,
  defaultTemplate: TEMPLATE,
  embeddings: 'model.embed_tokens.weight',

  readConfig(json: Json): ModelConfig {
    const shape = readShape(json, 256);
    return {
      family: 'gemma3_text',
      ...readCommon(json),
      ...shape,
      normEpsilon: positive(json, 'rms_norm_eps', 1e-6),
      ...readRotaries(json),
      slidingWindow: { size: count(json, 'sliding_window', 4096), layers: localLayers(json, shape.layers) },
      queryScalar: positive(json, 'query_pre_attn_scalar', 256),
      tieWordEmbeddings: flag(json, 'tie_word_embeddings', true),
      maxPositions: count(json, 'max_position_embeddings', 131_072),
    };
  },

  writeConfig: (config) => ({
    architectures: ['Gemma3ForCausalLM'],
    ...writeCommon(config),
    ...writeShape(config),
    hidden_activation: 'gelu_pytorch_tanh',
    attention_bias: false,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.rotary!.theta,
    rope_local_base_freq: config.localRotary!.theta,
    rope_scaling: writeRopeScaling(config.rotary!.scaling),
    // What the older two fields cannot say.
    ...(config.localRotary!.scaling && { rope_parameters: writeRotaries(config) }),
    query_pre_attn_scalar: config.queryScalar,
    sliding_window: config.slidingWindow!.size,
    layer_types: writeLayerTypes(config.slidingWindow!),
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
  }),

  tensors(config) {
    const { vocabSize, hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
    const all = new Map<string, TensorSpec>();
    const norm = (name: string, size: number) => all.set(`${name}.weight`, { shape: [size], init: 'zeros' });
    const linear = (name: string, to: number, from: number, init: TensorSpec['init'] = 'normal') =>
      all.set(`${name}.weight`, { shape: [to, from], init, linear: 'out_in' });
    all.set('model.embed_tokens.weight', { shape: [vocabSize, hiddenSize], init: 'normal' });
    for (let layer = 0; layer < config.layers; layer++) {
      const at = (name: string) => `model.layers.${layer}.${name}`;
      for (const name of BLOCK_NORMS) norm(at(name), hiddenSize);
      linear(at('self_attn.q_proj'), heads * headDim, hiddenSize);
      linear(at('self_attn.k_proj'), kvHeads * headDim, hiddenSize);
      linear(at('self_attn.v_proj'), kvHeads * headDim, hiddenSize);
      linear(at('self_attn.o_proj'), hiddenSize, heads * headDim, 'residual');
      norm(at('self_attn.q_norm'), headDim);
      norm(at('self_attn.k_norm'), headDim);
      linear(at('mlp.gate_proj'), intermediateSize, hiddenSize);
      linear(at('mlp.up_proj'), intermediateSize, hiddenSize);
      linear(at('mlp.down_proj'), hiddenSize, intermediateSize, 'residual');
    }
    norm('model.norm', hiddenSize);
    if (!config.tieWordEmbeddings) linear('lm_head', vocabSize, hiddenSize);
    return all;
  },

  nameOf: plainName,
  storedName: (name) => name,

  // The norms of what each block gives, and the gated feed-forward block.
  activationsPerToken: (config) => attentionActivations(config) + 2 * config.hiddenSize + 4 * config.intermediateSize,

  embed: ({ hiddenSize }, weights, tokens) =>
    scale(weights.rows('model.embed_tokens.weight', tokens.ids), Math.sqrt(hiddenSize)),

  layer(x, layer, { config, weights, tokens, attention }) {
    const { normEpsilon, slidingWindow, queryScalar } = config;
    const at = (name: string) => `model.layers.${layer}.${name}`;
    const fromOne = (name: string) => countedFromOne(weights.tensor(at(`${name}.weight`)));
    const norm = (y: Value, name: (typeof BLOCK_NORMS)[number]) => rmsNorm(y, fromOne(name), normEpsilon);
    const tables = slidingWindow!.layers[layer] ? tokens.localRotary! : tokens.rotary!;
    const normal = norm(x, 'input_layernorm');
    const turn = (name: 'q' | 'k') => {
      const plain = weights.linear(normal, at(`self_attn.${name}_proj`));
      return rotary(headNorm(plain, fromOne(`self_attn.${name}_norm`), config), tokens.positions, tables);
    };
    const queries = scale(turn('q'), 1 / Math.sqrt(queryScalar!));
    const mixed = attention(layer, queries, turn('k'), weights.linear(normal, at('self_attn.v_proj')));
    const between = add(x, norm(weights.linear(mixed, at('self_attn.o_proj')), 'post_attention_layernorm'));

    const inner = norm(between, 'pre_feedforward_layernorm');
    const gate = geluTanh(weights.linear(inner, at('mlp.gate_proj')));
    const raised = mul(gate, weights.linear(inner, at('mlp.up_proj')));
    return add(between, norm(weights.linear(raised, at('mlp.down_proj')), 'post_feedforward_layernorm'));
  },

  head(config, weights, hidden) {
    const weight = countedFromOne(weights.tensor('model.norm.weight'));
    return plainHead(config, weights, rmsNorm(hidden, weight, config.normEpsilon));
  },
};

const BLOCK_NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
] as const;

const countedFromOne = (weight: Value): Value => add(weight, weight.graph.scalar(1));

/** Which layers see a sliding window: as `layer_types` says, else all but every n-th. */
function localLayers(json: Json, layers: number): boolean[] {
  const types = readLayerTypes(json, layers);
  if (types) return types;
  const name = json.sliding_window_pattern == null ? '_sliding_window_pattern' : 'sliding_window_pattern';
  const every = count(json, name, 6);
  return Array.from({ length: layers }, (_, layer) => (layer + 1) % every !== 0);
}
