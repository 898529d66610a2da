// Whoever answers: nano, a model folder, or a scripted player of the game.

import { fileURLToPath } from 'node:url';
import type { ModelFiles } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import {
  type LanguageModel,
  LanguageModelPolicy,
  openLanguageModel,
  type Policy,
  scriptedPolicy,
} from '@ludic/policies';
import { createRuntime } from '@ludic/runtime/node';
import { UsageError } from './failure.ts';
import type { GameChoice } from './input.ts';

/** The folder that a model's name stands for. */
export const modelFolder = (name: string) => (name === 'nano' ? fileURLToPath(NANO_FOLDER) : name);

export const openFiles = async (name: string): Promise<ModelFiles> => ({
  ...(await openModelFolder(modelFolder(name))),
  name,
});

export const openModel = async (name: string): Promise<LanguageModel> =>
  openLanguageModel(await openFiles(name), await createRuntime());

export interface PolicyOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly maxCompletionLength: number;
}

/** @param name nano, a folder, or the name of one of the game's scripted players */
export async function openPolicy(
  name: string,
  { definition, config }: GameChoice,
  options: PolicyOptions,
): Promise<Policy> {
  const expert = Object.hasOwn(definition.experts, name) ? definition.experts[name] : undefined;
  if (expert) return scriptedPolicy(name, () => expert(config));
  const players = Object.keys(definition.experts).join(', ');
  const model = await openModel(name).catch((error: Error & { code?: string }) => {
    if (error.code !== 'not_a_model' || /[/\\]/.test(name)) throw error;
    throw new UsageError(
      `There is no model ${name}: it is no folder. Use nano, a model folder, or a player of ${definition.id}: ${players}.`,
    );
  });
  return new LanguageModelPolicy(model, { ...options, stop: [`</${definition.replyTag}>`] });
}
