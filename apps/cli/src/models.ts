// Whoever answers: nano, a model folder, a scripted player of the game, or a model that other software runs.

import { fileURLToPath } from 'node:url';
import { type ModelFiles, mergeAdapter, readAdapter } from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import {
  type LanguageModel,
  LanguageModelPolicy,
  openLanguageModel,
  type Policy,
  scriptedPolicy,
} from '@ludic/policies';
import { createRuntime } from '@ludic/runtime/node';
import { Option } from 'commander';
import { UsageError } from './failure.ts';
import type { GameChoice } from './input.ts';
import { type OutsideOptions, openOutsidePolicy } from './outside-policies.ts';

/** The folder that a model's name stands for. */
export const modelFolder = (name: string) => (name === 'nano' ? fileURLToPath(NANO_FOLDER) : name);

export const openFiles = async (name: string): Promise<ModelFiles> => ({
  ...(await openModelFolder(modelFolder(name))),
  name,
});

/** @param adapter a folder whose adapter is worked into the model */
export async function openModel(name: string, adapter?: string): Promise<LanguageModel> {
  const model = await openLanguageModel(await openFiles(name), await createRuntime());
  return { ...model, parameters: await withAdapter(model, adapter) };
}

/** The parameters of a model with an adapter merged into them, where a folder of one is given. */
export async function withAdapter(
  { config, parameters }: Pick<LanguageModel, 'config' | 'parameters'>,
  folder: string | undefined,
): Promise<LanguageModel['parameters']> {
  if (folder === undefined) return parameters;
  return mergeAdapter(config, parameters, await readAdapter(await openAdapterFolder(folder), config));
}

export const adapterOption = () => new Option('--adapter <folder>', 'a LoRA adapter in PEFT layout, for --model');

export interface PolicyOptions extends OutsideOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly maxCompletionLength: number;
  readonly adapter?: string;
}

/** @param name nano, a folder, the name of one of the game's scripted players, `openai:URL#MODEL` or `transformers:MODEL` */
export async function openPolicy(
  name: string,
  { definition, config }: GameChoice,
  options: PolicyOptions,
): Promise<Policy> {
  const { temperature, topK, topP, maxCompletionLength } = options;
  const settings = { temperature, topK, topP, maxCompletionLength, stop: [`</${definition.replyTag}>`] };
  const outside = await openOutsidePolicy(name, settings, options);
  if (outside) return outside;
  const expert = Object.hasOwn(definition.experts, name) ? definition.experts[name] : undefined;
  if (expert && options.adapter !== undefined)
    throw new UsageError(`--adapter needs a model; ${name} is a scripted player.`);
  if (expert) return scriptedPolicy(name, () => expert(config));
  const players = Object.keys(definition.experts).join(', ');
  await openFiles(name).catch((error: Error & { code?: string }) => {
    if (error.code !== 'not_a_model' || /[/\\]/.test(name)) throw error;
    throw new UsageError(
      `There is no model ${name}: it is no folder. Use nano, a model folder, openai:URL#MODEL, transformers:MODEL, or a player of ${definition.id}: ${players}.`,
    );
  });
  const model = await openModel(name, options.adapter);
  return new LanguageModelPolicy(model, settings);
}
