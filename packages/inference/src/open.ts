// A language model from its files.

import {
  type ModelFiles,
  mergeAdapter,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readTokenizer,
  type TemplateOptions,
} from '@ludic/models';
import { tokenizerWithin } from '@ludic/models/internal';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import type { LanguageModel } from './language-model.ts';

/**
 * @param adapter files of a LoRA adapter in PEFT layout that is worked into the model
 * @param templateOptions variables of the chat template; where left out, those that the model was trained with
 * @throws ModelError
 */
export async function openLanguageModel(
  files: ModelFiles,
  runtime: Runtime,
  adapter?: ModelFiles,
  templateOptions?: TemplateOptions,
): Promise<LanguageModel> {
  const { config, parameters: plain, warnings } = await readCheckpoint(files);
  const merged = adapter ? mergeAdapter(config, plain, await readAdapter(adapter, config)) : plain;
  const tokenizer = tokenizerWithin(await readTokenizer(files), config.vocabSize, files.name);
  const template = await readChatTemplate(files, templateOptions);
  const parameters = await ResidentTensors.of(runtime, merged);
  return {
    name: files.name,
    runtime,
    config,
    parameters,
    tokenizer,
    template,
    warnings: [...warnings, ...(tokenizer.warnings ?? [])],
  };
}
