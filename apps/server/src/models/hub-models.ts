// Models of the Hugging Face Hub. The package is loaded with the first of them, since most servers have none.

import type { ModelFiles } from '@ludic/models';

/** One quick attempt, since the client waits for the answer. */
const LOOK = { attempts: 1, firstPause: 0, longestPause: 0, longestWait: 0, idleTimeout: 8000 };

/** Whether a text can name a model of the Hub. */
export async function isHubReference(text: string): Promise<boolean> {
  const { parseReference } = await import('@ludic/hub');
  return parseReference(text) !== undefined;
}

/** The files of a model, fetched where they are not in the cache. @throws ModelError, HubError */
export async function openHubFiles(name: string): Promise<ModelFiles> {
  const { hub, reference, settings } = await named(name);
  return hub.openHubModel(reference, settings);
}

/** Asks the Hub for a model. @returns bytes of its weights @throws ModelError, HubError */
export async function lookAtHub(name: string): Promise<number> {
  const { hub, reference, settings } = await named(name);
  return hub.lookAtHubModel(reference, settings, LOOK);
}

/** The files of a model that is complete in the cache of this machine, else undefined. The Hub is not asked. */
export async function cachedHubFiles(name: string): Promise<ModelFiles | undefined> {
  try {
    const { hub, reference, settings } = await named(name);
    return await hub.openHubModel(reference, { ...settings, offline: true });
  } catch (error) {
    if ((error as Error).name === 'HubError') return undefined;
    throw error;
  }
}

/** @throws HubError `bad_reference` */
async function named(name: string) {
  const hub = await import('@ludic/hub');
  const reference = hub.parseReference(name);
  if (!reference) throw new hub.HubError('bad_reference', `${name} is no name of the Hugging Face Hub.`);
  return { hub, reference, settings: await hub.readHubSettings(process.env) };
}
