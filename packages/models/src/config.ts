// What a model is: the fields of a Hugging Face config.json that decide the network, checked and under our own names.

import { ModelError } from './errors.ts';

/** Stretching of rotary positions as Llama 3.1 does it. */
export interface Llama3RopeScaling {
  readonly type: 'llama3';
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositions: number;
}

export interface LlamaConfig {
  readonly family: 'llama';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads; divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: Llama3RopeScaling;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositions: number;
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId?: number;
  readonly padTokenId?: number;
}

export type ModelConfig = LlamaConfig;

type Json = Readonly<Record<string, unknown>>;

/** Families by `model_type`. */
const FAMILIES: Readonly<Record<string, (json: Json) => ModelConfig>> = { llama: readLlama };

/**
 * Reads a parsed config.json.
 * @throws ModelError `unknown_family` or `bad_config`
 */
export function readConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('config.json holds no object');
  const type = (json as Json).model_type;
  const family = typeof type === 'string' && Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (!family) {
    const known = Object.keys(FAMILIES).join(', ');
    throw new ModelError(
      'unknown_family',
      `config.json: model_type ${JSON.stringify(type)} is not known. Known: ${known}.`,
    );
  }
  return family(json as Json);
}

function readLlama(json: Json): LlamaConfig {
  for (const name of ['attention_bias', 'mlp_bias']) {
    if (json[name] === true) throw bad(`${name} is true; this family is read without biases`);
  }
  if (json.hidden_act !== undefined && json.hidden_act !== 'silu')
    throw bad(`hidden_act ${json.hidden_act} is not silu`);
  const hiddenSize = count(json, 'hidden_size');
  const heads = count(json, 'num_attention_heads');
  const kvHeads = count(json, 'num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw bad(`num_key_value_heads ${kvHeads} does not divide num_attention_heads ${heads}`);
  if (json.head_dim == null && hiddenSize % heads !== 0)
    throw bad(`hidden_size ${hiddenSize} is no multiple of num_attention_heads ${heads}`);
  const headDim = count(json, 'head_dim', hiddenSize / heads);
  if (headDim % 2 !== 0) throw bad(`head_dim ${headDim} is odd; rotary positions turn pairs`);
  const rope = (json.rope_parameters ?? {}) as Json;
  const ropeScaling = readRopeScaling((json.rope_scaling ?? json.rope_parameters) as Json | undefined);
  const bosTokenId = optionalId(json, 'bos_token_id');
  const padTokenId = optionalId(json, 'pad_token_id');
  return {
    family: 'llama',
    vocabSize: count(json, 'vocab_size'),
    hiddenSize,
    intermediateSize: count(json, 'intermediate_size'),
    layers: count(json, 'num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    normEpsilon: positive(json, 'rms_norm_eps', 1e-6),
    ropeTheta: positive(json.rope_theta == null ? rope : json, 'rope_theta', 10_000),
    ...(ropeScaling && { ropeScaling }),
    tieWordEmbeddings: json.tie_word_embeddings === true,
    maxPositions: count(json, 'max_position_embeddings', 2048),
    eosTokenIds: tokenIds(json, 'eos_token_id'),
    ...(bosTokenId !== undefined && { bosTokenId }),
    ...(padTokenId !== undefined && { padTokenId }),
  };
}

function readRopeScaling(scaling: Json | undefined): Llama3RopeScaling | undefined {
  if (scaling == null) return undefined;
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type === 'default') return undefined;
  if (type !== 'llama3') throw bad(`rope scaling of type ${JSON.stringify(type)} is not known. Known: llama3`);
  return {
    type: 'llama3',
    factor: positive(scaling, 'factor'),
    lowFreqFactor: positive(scaling, 'low_freq_factor'),
    highFreqFactor: positive(scaling, 'high_freq_factor'),
    originalMaxPositions: count(scaling, 'original_max_position_embeddings'),
  };
}

/** The config.json of a model, as Hugging Face transformers reads it. */
export function writeConfig(config: ModelConfig): object {
  const { ropeScaling } = config;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    rope_scaling: ropeScaling
      ? {
          rope_type: 'llama3',
          factor: ropeScaling.factor,
          low_freq_factor: ropeScaling.lowFreqFactor,
          high_freq_factor: ropeScaling.highFreqFactor,
          original_max_position_embeddings: ropeScaling.originalMaxPositions,
        }
      : null,
    tie_word_embeddings: config.tieWordEmbeddings,
    max_position_embeddings: config.maxPositions,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id:
      config.eosTokenIds.length === 1
        ? config.eosTokenIds[0]
        : config.eosTokenIds.length === 0
          ? null
          : config.eosTokenIds,
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: 'float32',
    use_cache: true,
  };
}

function count(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw bad(`${name} is ${JSON.stringify(value)}; a whole number above 0 is needed`);
  return value as number;
}

function positive(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (typeof value !== 'number' || !(value > 0))
    throw bad(`${name} is ${JSON.stringify(value)}; a number above 0 is needed`);
  return value;
}

function optionalId(json: Json, name: string): number | undefined {
  return tokenIds(json, name)[0];
}

function tokenIds(json: Json, name: string): number[] {
  const value = json[name];
  const ids = value == null ? [] : Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isSafeInteger(id)))
    throw bad(`${name} is ${JSON.stringify(value)}; token ids are whole numbers`);
  // Some published configs say −1 for "none".
  return ids.filter((id) => id >= 0);
}

const bad = (what: string) => new ModelError('bad_config', `config.json: ${what}.`);
