// The model of a run as it is trained: opened, and with a new adapter where the settings want one.

import { type LanguageModel, openLanguageModel } from '@ludic/inference';
import { everyLinearLayer, type ModelFiles, newAdapter, type TemplateOptions } from '@ludic/models';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import type { TrainSettings } from '../settings/train-settings.ts';

/** What the run says of the chat template; where it says nothing, what its model carries holds. */
export const saidOptions = ({ templateOptions }: TrainSettings): TemplateOptions | undefined =>
  Object.keys(templateOptions).length > 0 ? templateOptions : undefined;

/** @param files of the model that the run starts from */
export async function openTrained(
  files: ModelFiles,
  settings: TrainSettings,
  runtime: Runtime,
): Promise<LanguageModel> {
  const { lora, seed } = settings;
  const model = await openLanguageModel(files, runtime, {
    templateOptions: saidOptions(settings),
    baseBits: settings.baseBits,
  });
  if (!lora) return model;
  const targets = lora.targets.length > 0 ? lora.targets : everyLinearLayer(model.config);
  const { config, parameters } = newAdapter(model.config, { ...lora, targets }, seed);
  return { ...model, adapter: { config, parameters: await ResidentTensors.of(runtime, parameters) } };
}
