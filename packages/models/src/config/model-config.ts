// What a model is: the fields of a Hugging Face config.json that decide the network, under our own names, and the
// readers of single fields that the families share.

import { ModelError } from '../errors.ts';
import { shown } from './known-fields.ts';

/** The families of models that can be read, as `model_type` of a config.json names them. */
export const FAMILY_NAMES = ['llama', 'qwen2', 'qwen3', 'gemma3_text', 'gpt2'] as const;
/** As `model_type` names it. */
export type FamilyName = (typeof FAMILY_NAMES)[number];

/** Stretching of rotary positions as Llama 3.1 does it. */
export interface Llama3RopeScaling {
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositions: number;
}

/** Stretching of rotary positions that divides all of them alike. */
export interface LinearRopeScaling {
  readonly factor: number;
}

/** Rotary positions: how fast pairs of dimensions turn. */
export interface RotaryConfig {
  /** Base of the frequencies. */
  readonly theta: number;
  readonly scaling?: Llama3RopeScaling | LinearRopeScaling;
}

/** Layers that see only the last `size` tokens, themselves included. */
export interface SlidingWindow {
  readonly size: number;
  /** One per layer: whether it is such a layer. */
  readonly layers: readonly boolean[];
}

/** The network of a model. Sizes count numbers, heads, layers or tokens. */
export interface ModelConfig {
  readonly family: FamilyName;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads; divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly normEpsilon: number;
  /** Absent where positions are learned. */
  readonly rotary?: RotaryConfig;
  /** Of the layers with a sliding window, where it differs. */
  readonly localRotary?: RotaryConfig;
  readonly slidingWindow?: SlidingWindow;
  /** Queries are divided by the square root of this; default headDim. */
  readonly queryScalar?: number;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositions: number;
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId?: number;
  readonly padTokenId?: number;
}

export type Json = Readonly<Record<string, unknown>>;

/** Whether a value is a whole number from 0 on that numbers of JavaScript hold exactly. */
export const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The fields that all families name alike. */
export function readCommon(json: Json): Pick<ModelConfig, 'vocabSize' | 'eosTokenIds' | 'bosTokenId' | 'padTokenId'> {
  const bosTokenId = tokenIds(json, 'bos_token_id')[0];
  const padTokenId = tokenIds(json, 'pad_token_id')[0];
  return {
    vocabSize: count(json, 'vocab_size'),
    eosTokenIds: tokenIds(json, 'eos_token_id'),
    ...(bosTokenId !== undefined && { bosTokenId }),
    ...(padTokenId !== undefined && { padTokenId }),
  };
}

export function writeCommon(config: ModelConfig): Json {
  const { eosTokenIds } = config;
  return {
    model_type: config.family,
    vocab_size: config.vocabSize,
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: eosTokenIds.length > 1 ? eosTokenIds : (eosTokenIds[0] ?? null),
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: 'float32',
    use_cache: true,
  };
}

/** More than any published model has. A config that says more would keep a machine busy before its weights are missed. */
const MOST: Readonly<Record<string, number>> = {
  vocab_size: 2 ** 24,
  num_hidden_layers: 1024,
  n_layer: 1024,
  num_attention_heads: 4096,
  num_key_value_heads: 4096,
  n_head: 4096,
  head_dim: 8192,
  max_position_embeddings: 2 ** 24,
  n_positions: 2 ** 24,
  original_max_position_embeddings: 2 ** 24,
  sliding_window: 2 ** 24,
};
const MOST_OTHERWISE = 2 ** 20;

/** A whole number above 0, within what models have. */
export function count(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw bad(`${name} is ${shown(value)}; a whole number above 0 is needed`);
  const most = MOST[name] ?? MOST_OTHERWISE;
  if ((value as number) > most) throw bad(`${name} is ${value}; at most ${most} can be`);
  return value as number;
}

/** A number above 0. */
export function positive(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (typeof value !== 'number' || !(value > 0)) throw bad(`${name} is ${shown(value)}; a number above 0 is needed`);
  return value;
}

/** true or false. */
export function flag(json: Json, name: string, fallback: boolean): boolean {
  const value = json[name] ?? fallback;
  if (typeof value !== 'boolean') throw bad(`${name} is ${shown(value)}; true or false is needed`);
  return value;
}

/** A token id or a list of them. */
export function tokenIds(json: Json, name: string, file = 'config.json'): number[] {
  const value = json[name];
  const ids = value == null ? [] : Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isSafeInteger(id)))
    throw bad(`${name} is ${shown(value)}; token ids are whole numbers`, file);
  // Some published configs say −1 for "none".
  return ids.filter((id) => id >= 0);
}

export const bad = (what: string, file = 'config.json') => new ModelError('bad_config', `${file}: ${what}.`);
