// What generation_config.json adds to a model: tokens that end a reply. Both files name some, and transformers heeds
// those of generation_config.json; the union ends a reply wherever the model is read.

import { isObject } from '@ludic/io';
import { GENERATION_FIELDS } from './generation-fields.ts';
import { sortFields } from './known-fields.ts';
import { bad, type Json, type ModelConfig, tokenIds } from './model-config.ts';

const FILE = 'generation_config.json';

/** @param json a parsed generation_config.json @throws ModelError `bad_config` */
export function readGeneration(json: unknown): {
  readonly eosTokenIds: readonly number[];
  readonly unheeded: readonly string[];
} {
  if (!isObject(json)) throw bad('it holds no object', FILE);
  const { unheeded } = sortFields(json, GENERATION_FIELDS);
  return { eosTokenIds: tokenIds(json, 'eos_token_id', FILE), unheeded };
}

/** The model with those tokens among the ones that end a reply. */
export const withEndTokens = (config: ModelConfig, ids: readonly number[]): ModelConfig => ({
  ...config,
  eosTokenIds: [...new Set([...config.eosTokenIds, ...ids])],
});

/** generation_config.json of a model that comes without one: which tokens begin, end and pad. */
export function generationConfig({ bosTokenId, eosTokenIds, padTokenId }: ModelConfig): Json {
  return {
    ...(bosTokenId !== undefined && { bos_token_id: bosTokenId }),
    ...endTokensJson(eosTokenIds),
    ...(padTokenId !== undefined && { pad_token_id: padTokenId }),
  };
}

/** A source's own generation_config.json, which names the same end tokens as the model; undefined where it does already. */
export function completedGeneration(json: Json, { eosTokenIds }: ModelConfig): Json | undefined {
  const named = new Set(tokenIds(json, 'eos_token_id', FILE));
  return eosTokenIds.every((id) => named.has(id)) ? undefined : { ...json, ...endTokensJson(eosTokenIds) };
}

const endTokensJson = (ids: readonly number[]) =>
  ids.length > 0 ? { eos_token_id: ids.length > 1 ? ids : ids[0] } : {};
