// All families by their `model_type`. A new one is a file beside this and a line here.

import { isObject } from '@ludic/io';
import { quantizationOf } from '../checkpoints/refusals.ts';
import { shown, sortFields } from '../config/known-fields.ts';
import { bad, FAMILY_NAMES, type FamilyName, type Json, type ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import type { Family, TensorSpec } from './family.ts';
import { gemma3, MULTIMODAL_GEMMA } from './gemma3.ts';
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
  if (!isObject(json)) throw bad('it holds no object');
  const type = json.model_type;
  const name = FAMILY_NAMES.find((known) => known === type);
  if (!name) {
    if (type === 'gemma3') throw new ModelError('unknown_family', MULTIMODAL_GEMMA);
    const what = type === undefined ? 'it has no model_type' : `model_type ${shown(type)} is not known`;
    throw new ModelError('unknown_family', `config.json: ${what}. Known: ${FAMILY_NAMES.join(', ')}.`);
  }
  const quantization = quantizationOf(json);
  if (quantization) throw bad(`the model is quantized (${quantization}). Give it as it was before it was quantized`);
  const { refused } = sortFields(json, FAMILIES[name].fields);
  if (refused.length > 0) throw bad(refused[0]!);
  return FAMILIES[name].readConfig(json);
}

/** Fields of a config.json that is read of which nothing is known, or which others heed. */
export const unheededFields = (json: Json, config: ModelConfig): readonly string[] =>
  sortFields(json, familyOf(config).fields).unheeded;

/** The config.json of a model, as Hugging Face transformers reads it. */
export const writeConfig = (config: ModelConfig): object => familyOf(config).writeConfig(config);

/** Names, shapes and beginnings of all parameters, in the order of the network. */
export const tensorsOf = (config: ModelConfig): ReadonlyMap<string, TensorSpec> => familyOf(config).tensors(config);

/**
 * Numbers (float32) per token that the backward pass of one layer keeps, attention scores aside.
 * @param rank of an adapter of every linear layer, 0 without one
 */
export const activationsPerToken = (config: ModelConfig, rank: number): number =>
  familyOf(config).activationsPerToken(config) + LINEAR_LAYERS * rank;

/** Linear layers that an adapter has in one layer of most families. */
const LINEAR_LAYERS = 7;
