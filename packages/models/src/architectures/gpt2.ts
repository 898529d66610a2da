// GPT-2 and DialoGPT: LayerNorm, learned positions, biases everywhere, queries, keys and values from one matrix. Weights
// of linear layers are [in, out].

import { add, geluTanh, layerNorm, scale, split, type Value } from '@ludic/graph';
import { computed, type FieldTable, harmless, refused } from '../config/known-fields.ts';
import {
  bad,
  count,
  flag,
  type Json,
  type ModelConfig,
  positive,
  readCommon,
  writeCommon,
} from '../config/model-config.ts';
import { COMMON_FIELDS } from '../config/model-fields.ts';
import type { DefaultTemplate } from '../text/default-template.ts';
import { END_OF_TEXT } from '../text/gpt2-tokenizer.ts';
import { attentionActivations, type Family, type TensorSpec, type Weights } from './family.ts';

const FIELDS: FieldTable = {
  ...COMMON_FIELDS,
  ...computed('n_embd n_inner n_layer n_head n_positions layer_norm_epsilon'),
  // The longest context of training, the same as n_positions; and only how the same product is rounded.
  ...harmless('n_ctx reorder_and_upcast_attn'),
  // Settings of training, and of other tasks.
  ...harmless(`
    attn_pdrop embd_pdrop resid_pdrop gradient_checkpointing
    summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj
  `),
  ...refused('activation_function', { fine: ['gelu_new'], notFine: [false] }),
  ...refused('scale_attn_weights', { fine: [true], notFine: [false] }),
  ...refused('scale_attn_by_inverse_layer_idx'),
};

/** DialoGPT: every turn ends with the end-of-text token, of either speaker; the next turn begins at once. */
const TEMPLATE: DefaultTemplate = {
  title: 'DialoGPT',
  source: '{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}',
  needs: [],
  tokens: { eos_token: END_OF_TEXT },
};

export const gpt2: Family = {
  name: 'gpt2',
  fields: FIELDS,
  defaultTemplate: TEMPLATE,
  embeddings: 'wte.weight',

  readConfig(json: Json): ModelConfig {
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
      tieWordEmbeddings: flag(json, 'tie_word_embeddings', true),
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
    const vector = (name: string, size: number, init: TensorSpec['init']) => all.set(name, { shape: [size], init });
    const table = (name: string, rows: number) => all.set(name, { shape: [rows, hiddenSize], init: 'normal' });
    const norm = (name: string) => {
      vector(`${name}.weight`, hiddenSize, 'ones');
      vector(`${name}.bias`, hiddenSize, 'zeros');
    };
    const linear = (name: string, from: number, to: number, init: TensorSpec['init'] = 'normal') => {
      all.set(`${name}.weight`, { shape: [from, to], init, linear: 'in_out' });
      vector(`${name}.bias`, to, 'zeros');
    };
    table('wte.weight', vocabSize);
    table('wpe.weight', maxPositions);
    for (let layer = 0; layer < config.layers; layer++) {
      norm(`h.${layer}.ln_1`);
      linear(`h.${layer}.attn.c_attn`, hiddenSize, 3 * hiddenSize);
      linear(`h.${layer}.attn.c_proj`, hiddenSize, hiddenSize, 'residual');
      norm(`h.${layer}.ln_2`);
      linear(`h.${layer}.mlp.c_fc`, hiddenSize, intermediateSize);
      linear(`h.${layer}.mlp.c_proj`, intermediateSize, hiddenSize, 'residual');
    }
    norm('ln_f');
    if (!config.tieWordEmbeddings) {
      all.set('lm_head.weight', { shape: [vocabSize, hiddenSize], init: 'normal', linear: 'out_in' });
    }
    return all;
  },

  nameOf(stored, config) {
    const name = stored.replace(/^transformer\./, '');
    // The causal masks that older files carry.
    if (/^h\.\d+\.attn\.(bias|masked_bias)$/.test(name)) return undefined;
    return config.tieWordEmbeddings && name === 'lm_head.weight' ? undefined : name;
  },

  // The feed-forward block has one product before its activation, where gated ones have two.
  activationsPerToken: (config) => attentionActivations(config) + 2 * config.intermediateSize,

  storedName: (name) => (name.startsWith('lm_head.') ? name : `transformer.${name}`),

  embed(_config, weights, tokens) {
    const words = weights.rows('wte.weight', tokens.ids);
    return add(words, weights.rows('wpe.weight', tokens.positions));
  },

  layer(x, layer, { config, weights, attention }) {
    const { hiddenSize, headDim, normEpsilon } = config;
    const at = (name: string) => `h.${layer}.${name}`;
    const normal = norm(x, weights, at('ln_1'), normEpsilon);
    const sizes = [hiddenSize, hiddenSize, hiddenSize];
    const [queries, keys, values] = split(weights.linear(normal, at('attn.c_attn')), 1, sizes);
    const mixed = attention(layer, scale(queries!, 1 / Math.sqrt(headDim)), keys!, values!);
    const between = add(x, weights.linear(mixed, at('attn.c_proj')));
    const inner = norm(between, weights, at('ln_2'), normEpsilon);
    return add(between, weights.linear(geluTanh(weights.linear(inner, at('mlp.c_fc'))), at('mlp.c_proj')));
  },

  head(config, weights, hidden) {
    const normal = norm(hidden, weights, 'ln_f', config.normEpsilon);
    return weights.linear(normal, config.tieWordEmbeddings ? 'wte' : 'lm_head');
  },
};

const norm = (x: Value, weights: Weights, name: string, epsilon: number): Value =>
  layerNorm(x, weights.tensor(`${name}.weight`), weights.tensor(`${name}.bias`), epsilon);
