// The rows of one run of a decoder, and their cache once there is one.

import type { CachedPrefix } from '@ludic/models/internal';
import type { Tensors } from '@ludic/runtime';
import { free, type KvCache } from './cache.ts';

/** The rows of a run. Their cache is made when the first of them is extended. */
export class DecodedBatch {
  readonly prefix: CachedPrefix | undefined;
  readonly #make: () => Promise<KvCache>;
  readonly #fresh: Tensors;
  #cache: Promise<KvCache> | undefined;

  /** @param fresh new keys and values, from which `make` makes the cache */
  constructor(prefix: CachedPrefix | undefined, fresh: Tensors, make: () => Promise<KvCache>) {
    this.prefix = prefix;
    this.#fresh = fresh;
    this.#make = make;
  }

  cache(): Promise<KvCache> {
    this.#cache ??= this.#make();
    return this.#cache;
  }

  async dispose(): Promise<void> {
    if (!this.#cache) return free(this.#fresh);
    await this.#cache.then(
      (cache) => cache.dispose(),
      // The call that made it was rejected with the reason.
      () => free(this.#fresh),
    );
  }
}

/** Keys and values of a sequence that was fed: a row of its batch. */
export interface KvRow {
  readonly batch: DecodedBatch;
  readonly row: number;
}
