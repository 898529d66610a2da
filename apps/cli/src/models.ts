// Whoever answers: nano, a model folder, or a scripted player of the game.

import { fileURLToPath } from 'node:url';
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

/** @param threads of one run of the network; by default one per core */
export async function openModel(name: string, threads?: number): Promise<LanguageModel> {
  const files = await openModelFolder(modelFolder(name));
  const runtime = await createRuntime(threads === undefined ? {} : { threads });
  return openLanguageModel({ ...files, name }, runtime);
}

export async function readModelFile(name: string, file: string): Promise<Uint8Array | undefined> {
  return (await openModelFolder(modelFolder(name))).read(file);
}

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
