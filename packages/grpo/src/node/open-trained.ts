// The model of a run as it is trained: opened, and with a new adapter where the settings want one.

import { everyLinearLayer, type ModelFiles, newAdapter } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { type LanguageModel, openLanguageModel } from '@ludic/policies';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import type { TrainSettings } from '../train-settings.ts';

/** @param from files of the model that the run starts from, or their folder */
export async function openTrained(
  from: ModelFiles | string,
  { lora, seed }: TrainSettings,
  runtime: Runtime,
): Promise<LanguageModel> {
  const model = await openLanguageModel(typeof from === 'string' ? await openModelFolder(from) : from, runtime);
  if (!lora) return model;
  const targets = lora.targets.length > 0 ? lora.targets : everyLinearLayer(model.config);
  const { config, parameters } = newAdapter(model.config, { ...lora, targets }, seed);
  return { ...model, adapter: { config, parameters: await ResidentTensors.of(runtime, parameters) } };
}
