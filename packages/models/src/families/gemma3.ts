// Gemma 3, text only: norms around each block whose weights are counted from 1, normed queries and keys, scaled
// embeddings, and layers that see a sliding window and turn by frequencies of their own.

import { add, gatherRows, geluTanh, linear, mul, rmsNorm, rotary, scale, type Value } from '@ludic/graph';
import { bad, count, type Json, type ModelConfig, must, positive, readCommon, writeCommon } from '../config.ts';
import { type Family, plainName, type TensorSpec } from './family.ts';
import { headNorm, readShape, writeShape } from './rotary-decoder.ts';

export const gemma3: Family = {
  name: 'gemma3_text',

  readConfig(json: Json): ModelConfig {
    must(json, 'attention_bias', [false]);
    must(json, 'hidden_activation', ['gelu_pytorch_tanh']);
    must(json, 'rope_scaling', [null]);
    must(json, 'use_bidirectional_attention', [false]);
    for (const name of ['attn_logit_softcapping', 'final_logit_softcapping']) must(json, name, [null]);
    const shape = readShape(json, 256);
    return {
      family: 'gemma3_text',
      ...readCommon(json),
      ...shape,
      normEpsilon: positive(json, 'rms_norm_eps', 1e-6),
      rotary: { theta: positive(json, 'rope_theta', 1_000_000) },
      localRotary: { theta: positive(json, 'rope_local_base_freq', 10_000) },
      slidingWindow: { size: count(json, 'sliding_window', 4096), layers: localLayers(json, shape.layers) },
      queryScalar: positive(json, 'query_pre_attn_scalar', 256),
      tieWordEmbeddings: json.tie_word_embeddings !== false,
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
    rope_scaling: null,
    query_pre_attn_scalar: config.queryScalar,
    sliding_window: config.slidingWindow!.size,
    layer_types: config.slidingWindow!.layers.map((local) => (local ? 'sliding_attention' : 'full_attention')),
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
  }),

  tensors(config) {
    const { vocabSize, hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
    const all = new Map<string, TensorSpec>();
    const add = (name: string, shape: readonly number[], start: TensorSpec['start'] = 'normal') =>
      all.set(`${name}.weight`, { shape, start });
    add('model.embed_tokens', [vocabSize, hiddenSize]);
    for (let layer = 0; layer < config.layers; layer++) {
      const at = (name: string) => `model.layers.${layer}.${name}`;
      for (const name of BLOCK_NORMS) add(at(name), [hiddenSize], 'zeros');
      add(at('self_attn.q_proj'), [heads * headDim, hiddenSize]);
      add(at('self_attn.k_proj'), [kvHeads * headDim, hiddenSize]);
      add(at('self_attn.v_proj'), [kvHeads * headDim, hiddenSize]);
      add(at('self_attn.o_proj'), [hiddenSize, heads * headDim], 'residual');
      add(at('self_attn.q_norm'), [headDim], 'zeros');
      add(at('self_attn.k_norm'), [headDim], 'zeros');
      add(at('mlp.gate_proj'), [intermediateSize, hiddenSize]);
      add(at('mlp.up_proj'), [intermediateSize, hiddenSize]);
      add(at('mlp.down_proj'), [hiddenSize, intermediateSize], 'residual');
    }
    add('model.norm', [hiddenSize], 'zeros');
    if (!config.tieWordEmbeddings) add('lm_head', [vocabSize, hiddenSize]);
    return all;
  },

  nameOf: plainName,
  storedName: (name) => name,

  layers(config, parameters, tokens, attention) {
    const { hiddenSize, normEpsilon, slidingWindow, queryScalar } = config;
    let x = scale(gatherRows(parameters('model.embed_tokens.weight'), tokens.ids), Math.sqrt(hiddenSize));
    for (let layer = 0; layer < config.layers; layer++) {
      const weight = (name: string) => parameters(`model.layers.${layer}.${name}.weight`);
      const norm = (y: Value, name: (typeof BLOCK_NORMS)[number]) => rmsNorm(y, fromOne(weight(name)), normEpsilon);
      const tables = slidingWindow!.layers[layer] ? tokens.localRotary! : tokens.rotary!;
      const normal = norm(x, 'input_layernorm');
      const turn = (name: 'q' | 'k') => {
        const plain = linear(normal, weight(`self_attn.${name}_proj`));
        return rotary(headNorm(plain, fromOne(weight(`self_attn.${name}_norm`)), config), tokens.positions, tables);
      };
      const queries = scale(turn('q'), 1 / Math.sqrt(queryScalar!));
      const mixed = attention(layer, queries, turn('k'), linear(normal, weight('self_attn.v_proj')));
      x = add(x, norm(linear(mixed, weight('self_attn.o_proj')), 'post_attention_layernorm'));

      const inner = norm(x, 'pre_feedforward_layernorm');
      const gate = geluTanh(linear(inner, weight('mlp.gate_proj')));
      const lowered = linear(mul(gate, linear(inner, weight('mlp.up_proj'))), weight('mlp.down_proj'));
      x = add(x, norm(lowered, 'post_feedforward_layernorm'));
    }
    return x;
  },

  head(config, parameters, hidden) {
    const normal = rmsNorm(hidden, fromOne(parameters('model.norm.weight')), config.normEpsilon);
    return linear(normal, parameters(config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'));
  },
};

const BLOCK_NORMS = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
] as const;

const fromOne = (weight: Value): Value => add(weight, weight.graph.scalar(1));

/** Which layers see a sliding window: as `layer_types` says, else all but every n-th. */
function localLayers(json: Json, layers: number): boolean[] {
  const types = json.layer_types;
  if (types == null) {
    const every = count(
      json,
      json.sliding_window_pattern == null ? '_sliding_window_pattern' : 'sliding_window_pattern',
      6,
    );
    return Array.from({ length: layers }, (_, layer) => (layer + 1) % every !== 0);
  }
  const known = ['sliding_attention', 'full_attention'];
  if (!Array.isArray(types) || types.length !== layers || !types.every((type) => known.includes(type)))
    throw bad(`layer_types is no list of ${layers} times ${known.join(' or ')}`);
  return types.map((type) => type === 'sliding_attention');
}
