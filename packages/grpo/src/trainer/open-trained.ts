// The model of a run as it is trained: opened, and with a new adapter where the settings want one.

import { type LanguageModel, openLanguageModel } from '@ludic/inference';
import { everyLinearLayer, type ModelFiles, newAdapter, type TemplateOptions } from '@ludic/models';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import type { TrainSettings } from '../settings/train-settings.ts';

/** Where a run says none, those that its model carries hold. */
const saidOptions = (options: TemplateOptions) => (Object.keys(options).length > 0 ? options : undefined);

/** @param files of the model that the run starts from */
export async function openTrained(
  files: ModelFiles,
  { lora, seed, templateOptions }: TrainSettings,
  runtime: Runtime,
): Promise<LanguageModel> {
  const model = await openLanguageModel(files, runtime, undefined, saidOptions(templateOptions));
  if (!lora) return model;
  const targets = lora.targets.length > 0 ? lora.targets : everyLinearLayer(model.config);
  const { config, parameters } = newAdapter(model.config, { ...lora, targets }, seed);
  return { ...model, adapter: { config, parameters: await ResidentTensors.of(runtime, parameters) } };
}
