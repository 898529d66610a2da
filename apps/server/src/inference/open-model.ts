// A model from where its files are, ready to answer.

import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { type LanguageModel, openLanguageModel } from '@ludic/policies';
import type { Runtime } from '@ludic/runtime';
import type { ModelSource } from './protocol.ts';

/** @throws ModelError, HubError */
export async function openModel(source: ModelSource, runtime: Runtime): Promise<LanguageModel> {
  if (source.from === 'store') {
    const { name, folder, adapter } = source.model;
    const files = { ...(await openModelFolder(folder)), name };
    return openLanguageModel(files, runtime, adapter === undefined ? undefined : await openAdapterFolder(adapter));
  }
  const { HubError, openHubModel, parseReference, readHubSettings } = await import('@ludic/models/hub');
  const reference = parseReference(source.reference);
  if (!reference) throw new HubError('bad_reference', `${source.reference} is no name of the Hugging Face Hub.`);
  return openLanguageModel(await openHubModel(reference, await readHubSettings(process.env)), runtime);
}

/** Places on this machine, and what users are shown instead. */
export function hiddenPlaces(source: ModelSource): readonly (readonly [string, string])[] {
  if (source.from === 'hub') return [];
  const { name, folder, adapter } = source.model;
  return [[folder, name], ...(adapter === undefined ? [] : [[adapter, `the adapter of ${name}`] as const])];
}
