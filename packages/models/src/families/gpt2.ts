// GPT-2 and DialoGPT: LayerNorm, learned positions, biases everywhere, queries, keys and values from one matrix. Weights
// of linear layers are [in, out].

import { add, gatherRows, geluTanh, gemm, layerNorm, linear, scale, split, type Value } from '@ludic/graph';
import { bad, count, type Json, type ModelConfig, must, positive, readCommon, writeCommon } from '../config.ts';
import type { Family, Parameters, TensorSpec } from './family.ts';

export const gpt2: Family = {
  name: 'gpt2',

  readConfig(json: Json): ModelConfig {
    must(json, 'activation_function', ['gelu_new']);
    must(json, 'scale_attn_weights', [true]);
    for (const name of ['scale_attn_by_inverse_layer_idx', 'add_cross_attention']) must(json, name, [false]);
    const hiddenSize = count(json, 'n_embd');
    const heads = count(json, 'n_head');
    if (hiddenSize % heads !== 0) throw bad(`n_embd ${hiddenSize} is no multiple of n_head ${heads}`);
    return {
      family: 'gpt2',
      ...readCommon(json),
      hiddenSize,
      intermediateSize: count(json, 'n_inner', 4 * hiddenSize),
      layers: count(json, 'n_layer'),
      heads,
      kvHeads: heads,
      headDim: hiddenSize / heads,
      normEpsilon: positive(json, 'layer_norm_epsilon', 1e-5),
      tieWordEmbeddings: json.tie_word_embeddings !== false,
      maxPositions: count(json, 'n_positions', 1024),
    };
  },

  writeConfig: (config) => ({
    architectures: ['GPT2LMHeadModel'],
    ...writeCommon(config),
    activation_function: 'gelu_new',
    n_embd: config.hiddenSize,
    n_inner: config.intermediateSize,
    n_layer: config.layers,
    n_head: config.heads,
    n_positions: config.maxPositions,
    n_ctx: config.maxPositions,
    layer_norm_epsilon: config.normEpsilon,
    attn_pdrop: 0,
    embd_pdrop: 0,
    resid_pdrop: 0,
  }),

  tensors(config) {
    const { vocabSize, hiddenSize, intermediateSize, maxPositions } = config;
    const all = new Map<string, TensorSpec>();
    const add = (name: string, shape: readonly number[], start: TensorSpec['start'] = 'normal') =>
      all.set(name, { shape, start });
    const norm = (name: string) => {
      add(`${name}.weight`, [hiddenSize], 'ones');
      add(`${name}.bias`, [hiddenSize], 'zeros');
    };
    const affine = (name: string, from: number, to: number, start: TensorSpec['start'] = 'normal') => {
      add(`${name}.weight`, [from, to], start);
      add(`${name}.bias`, [to], 'zeros');
    };
    add('wte.weight', [vocabSize, hiddenSize]);
    add('wpe.weight', [maxPositions, hiddenSize]);
    for (let layer = 0; layer < config.layers; layer++) {
      norm(`h.${layer}.ln_1`);
      affine(`h.${layer}.attn.c_attn`, hiddenSize, 3 * hiddenSize);
      affine(`h.${layer}.attn.c_proj`, hiddenSize, hiddenSize, 'residual');
      norm(`h.${layer}.ln_2`);
      affine(`h.${layer}.mlp.c_fc`, hiddenSize, intermediateSize);
      affine(`h.${layer}.mlp.c_proj`, intermediateSize, hiddenSize, 'residual');
    }
    norm('ln_f');
    if (!config.tieWordEmbeddings) add('lm_head.weight', [vocabSize, hiddenSize]);
    return all;
  },

  nameOf(stored, config) {
    const name = stored.replace(/^transformer\./, '');
    // The causal masks that older files carry.
    if (/^h\.\d+\.attn\.(bias|masked_bias)$/.test(name)) return undefined;
    return config.tieWordEmbeddings && name === 'lm_head.weight' ? undefined : name;
  },

  storedName: (name) => (name === 'lm_head.weight' ? name : `transformer.${name}`),

  layers(config, parameters, tokens, attention) {
    const { hiddenSize, headDim, normEpsilon } = config;
    let x = add(
      gatherRows(parameters('wte.weight'), tokens.ids),
      gatherRows(parameters('wpe.weight'), tokens.positions),
    );
    for (let layer = 0; layer < config.layers; layer++) {
      const own: Parameters = (name) => parameters(`h.${layer}.${name}`);
      const normal = norm(x, own, 'ln_1', normEpsilon);
      const [queries, keys, values] = split(affine(normal, own, 'attn.c_attn'), 1, [
        hiddenSize,
        hiddenSize,
        hiddenSize,
      ]);
      const mixed = attention(layer, scale(queries!, 1 / Math.sqrt(headDim)), keys!, values!);
      x = add(x, affine(mixed, own, 'attn.c_proj'));
      const inner = norm(x, own, 'ln_2', normEpsilon);
      x = add(x, affine(geluTanh(affine(inner, own, 'mlp.c_fc')), own, 'mlp.c_proj'));
    }
    return x;
  },

  head(config, parameters, hidden) {
    const normal = norm(hidden, parameters, 'ln_f', config.normEpsilon);
    return linear(normal, parameters(config.tieWordEmbeddings ? 'wte.weight' : 'lm_head.weight'));
  },
};

const norm = (x: Value, parameters: Parameters, name: string, epsilon: number): Value =>
  layerNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), epsilon);

const affine = (x: Value, parameters: Parameters, name: string): Value =>
  add(gemm(x, parameters(`${name}.weight`)), parameters(`${name}.bias`));
