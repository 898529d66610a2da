// All families by their `model_type`. A new one is a file beside this and a line here.

import type { FamilyName, Json, ModelConfig } from '../config.ts';
import { bad, FAMILY_NAMES } from '../config.ts';
import { ModelError } from '../errors.ts';
import type { Family, TensorSpec } from './family.ts';
import { gemma3 } from './gemma3.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

const FAMILIES: Readonly<Record<FamilyName, Family>> = { llama, qwen2, qwen3, gemma3_text: gemma3, gpt2 };

export const familyOf = ({ family }: Pick<ModelConfig, 'family'>): Family => FAMILIES[family];

/**
 * Reads a parsed config.json.
 * @throws ModelError `unknown_family` or `bad_config`
 */
export function readConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('config.json holds no object');
  const type = (json as Json).model_type;
  const name = FAMILY_NAMES.find((known) => known === type);
  if (!name) {
    const known = FAMILY_NAMES.join(', ');
    const message = `config.json: model_type ${JSON.stringify(type)} is not known. Known: ${known}.`;
    throw new ModelError('unknown_family', message);
  }
  return FAMILIES[name].readConfig(json as Json);
}

/** The config.json of a model, as Hugging Face transformers reads it. */
export const writeConfig = (config: ModelConfig): object => familyOf(config).writeConfig(config);

/** Names, shapes and beginnings of all parameters, in the order of the network. */
export const tensorsOf = (config: ModelConfig): ReadonlyMap<string, TensorSpec> => familyOf(config).tensors(config);
