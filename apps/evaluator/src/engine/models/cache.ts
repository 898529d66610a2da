// Models in the browser's storage: each file an entry of a cache, and a list of them that is written last, so that what
// was half stored when something went wrong is not there.

import { LudicError } from '@ludic/io';
import type { ModelFiles } from '@ludic/models';
import { blobModelFiles } from '@ludic/models/web';
import type { ModelCard } from './library.ts';

const CACHE = 'ludic-models';
/** No file of the page lies here: these are only names. */
const placeOf = (name: string) => new URL(`/kept-models/${encodeURIComponent(name)}`, location.origin).href;
const fileOf = (name: string, file: string) => `${placeOf(name)}/${file}`;

/** The browser has no storage for the page (`no_storage`), or no room in it (`storage_full`). */
export class StorageError extends LudicError<'storage_full' | 'no_storage'> {
  override readonly name = 'StorageError';
}

type StoredCard = Omit<ModelCard, 'stored'>;

/** Models in the Cache API, by name. Files are written first and the card last, so a listed model is whole. */
export class ModelCache {
  /** @throws StorageError */
  async keep(card: StoredCard, blobs: ReadonlyMap<string, Blob>): Promise<void> {
    const cache = await this.#open();
    if (!cache)
      throw new StorageError(
        'no_storage',
        `${card.name} is not stored: this browser gives the page no storage. Serve it over HTTPS or from this machine.`,
      );
    try {
      // What lies here by that name is no longer listed, then replaced.
      await this.remove(card.name);
      for (const [file, blob] of blobs) await cache.put(fileOf(card.name, file), new Response(blob));
      await cache.put(placeOf(card.name), Response.json(card));
    } catch (error) {
      await this.remove(card.name).catch(() => {});
      if ((error as Error).name !== 'QuotaExceededError') throw error;
      throw new StorageError(
        'storage_full',
        `The browser's storage is full: ${card.name} is not stored and will be gone when this page is closed. ` +
          'Remove other models from the storage, or free space on this device.',
        { cause: error },
      );
    }
  }

  async list(): Promise<readonly StoredCard[]> {
    const cache = await this.#open();
    const cards: StoredCard[] = [];
    for (const request of (await cache?.keys()) ?? []) {
      if (new URL(request.url).pathname.split('/').length !== 3) continue;
      const response = await cache!.match(request);
      const card = (await response?.json().catch(() => undefined)) as StoredCard | undefined;
      if (card) cards.push(card);
    }
    return cards;
  }

  /** The files of a model that was stored, read where they lie. */
  files(name: string): ModelFiles {
    return blobModelFiles(name, async (file) => (await (await this.#open())?.match(fileOf(name, file)))?.blob());
  }

  async remove(name: string): Promise<void> {
    const cache = await this.#open();
    if (!cache) return;
    await cache.delete(placeOf(name));
    for (const request of await cache.keys())
      if (request.url.startsWith(`${placeOf(name)}/`)) await cache.delete(request);
  }

  /** Also what was left half stored. */
  async clear(): Promise<void> {
    if (globalThis.caches) await caches.delete(CACHE);
  }

  /** Undefined where pages get no storage: over plain HTTP from another machine. */
  async #open(): Promise<Cache | undefined> {
    try {
      return await globalThis.caches?.open(CACHE);
    } catch {
      return undefined;
    }
  }
}
