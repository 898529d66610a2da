// A model from where its files are.

import { type ModelFiles, readModelConfig, tensorsOf } from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { type LanguageModel, openLanguageModel } from '@ludic/policies';
import type { Runtime } from '@ludic/runtime';
import { ServiceError } from '@ludic/service';
import type { ModelSource } from './model-source.ts';

/**
 * The files of a model to train from.
 * @throws ModelError, HubError; ServiceError `unusable` where the model is an adapter that is still being trained
 */
export async function openFiles(source: ModelSource): Promise<ModelFiles> {
  if (source.from === 'hub') {
    const { HubError, openHubModel, parseReference, readHubSettings } = await import('@ludic/models/hub');
    const reference = parseReference(source.reference);
    if (!reference) throw new HubError('bad_reference', `${source.reference} is no name of the Hugging Face Hub.`);
    return openHubModel(reference, await readHubSettings(process.env));
  }
  const { name, folder, adapter } = source.model;
  if (adapter !== undefined)
    throw new ServiceError('unusable', `${name} is still being trained; start from it when it has finished.`);
  return { ...(await openModelFolder(folder)), name };
}

/**
 * A model that is ready to answer.
 * @param admit hears, when its files are here, how many bytes of memory its weights will take, and may hold them back
 * @throws ModelError, HubError; what `admit` rejects with
 */
export async function openModel(
  source: ModelSource,
  runtime: Runtime,
  admit: (bytes: number) => Promise<void> = async () => {},
): Promise<LanguageModel> {
  if (source.from === 'hub' || source.model.adapter === undefined) {
    const files = await openFiles(source);
    await admit(await weightBytes(files));
    return openLanguageModel(files, runtime);
  }
  const { name, folder, adapter } = source.model;
  const files = { ...(await openModelFolder(folder)), name };
  await admit(await weightBytes(files));
  return openLanguageModel(files, runtime, await openAdapterFolder(adapter));
}

/** In float32, however they are stored. */
async function weightBytes(files: ModelFiles): Promise<number> {
  const tensors = [...tensorsOf(await readModelConfig(files)).values()];
  return 4 * tensors.reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0);
}
