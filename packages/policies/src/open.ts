// A language model from its files.

import { type ModelFiles, readChatTemplate, readCheckpoint, readTokenizer } from '@ludic/models';
import type { Runtime } from '@ludic/runtime';
import type { LanguageModel } from './language-model.ts';

/** @throws ModelError */
export async function openLanguageModel(files: ModelFiles, runtime: Runtime): Promise<LanguageModel> {
  const { config, parameters } = await readCheckpoint(files);
  const tokenizer = await readTokenizer(files);
  const template = await readChatTemplate(files);
  return { name: files.name, runtime, config, parameters, tokenizer, template };
}
