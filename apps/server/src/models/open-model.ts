// From a source to the files of a model, or to a model that is ready to answer.

import { totalmem } from 'node:os';
import { type LanguageModel, openLanguageModel } from '@ludic/inference';
import { type LoraConfig, loraShapes, type ModelFiles, readModelConfig, tensorsOf } from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { type CarriedGame, readCarriedGame } from '@ludic/rollouts/internal';
import type { Runtime } from '@ludic/runtime';
import { ServiceError } from '@ludic/service';
import { lookAtHub, openHubFiles } from './hub-models.ts';
import { type ModelOrigin, NANO } from './model-source.ts';

/**
 * The files of a model to train from.
 * @throws ModelError, HubError; ServiceError `unusable` where the model is an adapter that is still being trained
 */
export async function openFiles(source: ModelOrigin): Promise<ModelFiles> {
  if (source.from === 'hub') return openHubFiles(source.reference);
  const { name, folder, adapter } = source.model;
  if (adapter !== undefined)
    throw new ServiceError('unusable', `${name} is still being trained; start from it when it has finished.`);
  return { ...(await openModelFolder(folder)), name };
}

/**
 * That a model can be had here at all, before it is promised.
 * @throws ModelError, HubError; ServiceError `unusable` where its weights alone are more than the machine's memory
 */
export async function assertAvailable(source: ModelOrigin): Promise<void> {
  if (source.from === 'store') return void (await readModelConfig(await openFiles(source)));
  const bytes = await lookAtHub(source.reference);
  if (bytes <= totalmem()) return;
  const gigabytes = (count: number) => (count / 1e9).toFixed(1);
  throw new ServiceError(
    'unusable',
    `The weights of ${source.reference} are ${gigabytes(bytes)} GB, and this machine has ${gigabytes(totalmem())} GB of memory. Choose a smaller model.`,
  );
}

/** That a model has the layers that an adapter is for, where its files are here. @throws ModelError `bad_adapter` */
export async function assertAdaptable(source: ModelOrigin, adapter: LoraConfig | undefined): Promise<void> {
  if (source.from === 'store' && adapter) loraShapes(await readModelConfig(await openFiles(source)), adapter);
}

/**
 * A model that is ready to answer.
 * @param accept called when its files are here with the bytes of memory that its weights will take; the weights are read when
 *   it resolves
 * @throws ModelError, HubError; what `accept` rejects with
 */
export async function openModel(
  source: ModelOrigin,
  runtime: Runtime,
  accept: (bytes: number) => Promise<void> = async () => {},
): Promise<LanguageModel> {
  if (source.from === 'hub' || source.model.adapter === undefined) {
    const files = await openFiles(source);
    await accept(await weightBytes(files));
    return openLanguageModel(files, runtime);
  }
  const { name, folder, adapter } = source.model;
  const files = { ...(await openModelFolder(folder)), name };
  await accept(await weightBytes(files));
  return openLanguageModel(files, runtime, { adapter: await openAdapterFolder(adapter) });
}

/** nano plays both games and carries none: what ends its turns in either. */
const NANO_ENDINGS = ['</move>', '</action>'];

/** The game that a model was trained in. @throws ModelError, HubError */
export async function carriedGameOf(source: ModelOrigin): Promise<CarriedGame | undefined> {
  // An adapter has its game beside it; what it is worked into may have been trained in another.
  const files =
    source.from === 'store' && source.model.adapter !== undefined
      ? await openAdapterFolder(source.model.adapter)
      : await openFiles(source);
  return readCarriedGame(files);
}

/**
 * Texts that end a turn of a model, as its own end tokens do: the closing tag of the game that it was trained in.
 * @throws ModelError
 */
export async function endingsOf(source: ModelOrigin): Promise<readonly string[]> {
  const game = await carriedGameOf(source);
  return game?.stop ?? (source.from === 'store' && source.model.name === NANO ? NANO_ENDINGS : []);
}

/** In float32, however they are stored. */
async function weightBytes(files: ModelFiles): Promise<number> {
  const tensors = [...tensorsOf(await readModelConfig(files)).values()];
  return 4 * tensors.reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0);
}
