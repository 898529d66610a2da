// What a model is: the fields of a Hugging Face config.json that decide the network, under our own names, and the
// readers of single fields that the families share.

import { ModelError } from './errors.ts';

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

export interface RotaryConfig {
  /** Base of the frequencies. */
  readonly theta: number;
  readonly scaling?: Llama3RopeScaling;
}

/** Layers that see only the last `size` tokens, themselves included. */
export interface SlidingWindow {
  readonly size: number;
  /** One per layer: whether it is such a layer. */
  readonly layers: readonly boolean[];
}

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

/** A whole number above 0. */
export function count(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw bad(`${name} is ${JSON.stringify(value)}; a whole number above 0 is needed`);
  return value as number;
}

/** A number above 0. */
export function positive(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (typeof value !== 'number' || !(value > 0))
    throw bad(`${name} is ${JSON.stringify(value)}; a number above 0 is needed`);
  return value;
}

/** Refuses a field that says something other than what the family does. Absent fields are fine. */
export function must(json: Json, name: string, known: readonly unknown[]): void {
  const value = json[name];
  if (value == null || known.includes(value)) return;
  throw bad(`${name} is ${JSON.stringify(value)}; known: ${known.map((one) => JSON.stringify(one)).join(', ')}`);
}

function tokenIds(json: Json, name: string): number[] {
  const value = json[name];
  const ids = value == null ? [] : Array.isArray(value) ? value : [value];
  if (!ids.every((id) => Number.isSafeInteger(id)))
    throw bad(`${name} is ${JSON.stringify(value)}; token ids are whole numbers`);
  // Some published configs say −1 for "none".
  return ids.filter((id) => id >= 0);
}

export const bad = (what: string) => new ModelError('bad_config', `config.json: ${what}.`);
