// A model of the Hub as a folder of the cache: what is missing is fetched, what is there is used.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchPolicy } from '@ludic/io';
import { ModelError, type ModelFiles } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import type { Asking } from './answers.ts';
import { HubCache } from './cache.ts';
import { fileError, HubError, type HubErrorCode } from './errors.ts';
import { type Listing, lookUp } from './listing.ts';
import { type HubReference, referenceText } from './reference.ts';
import { DEFAULT_FETCH_POLICY } from './request.ts';
import { select, shardsIn } from './selection.ts';
import type { HubSettings } from './settings.ts';
import { type RemoteFile, transfer } from './transfer.ts';

/** Progress of a download. Numbers are bytes. */
export type HubEvent =
  | {
      readonly type: 'file';
      readonly file: string;
      readonly size: number;
      readonly state: 'begun' | 'moving' | 'done';
      /** Of this file. */
      readonly bytes: number;
      /** Of all files that are known to be needed. */
      readonly all: { readonly bytes: number; readonly size: number };
    }
  | { readonly type: 'note'; readonly message: string };

/** How a model is moved to or from the Hub, and who is told. The same for downloads and uploads. */
export interface HubOptions {
  /** Pauses in milliseconds. Default: 5 attempts, pauses from 1 s to 60 s, a silent connection is cut after 20 s. */
  readonly policy?: FetchPolicy;
  /** Called as files move, and with a note where something is tried again or taken from the cache. */
  readonly onEvent?: (event: HubEvent) => void;
}

/** Failures that a copy in the cache makes up for. */
const PASSING: ReadonlySet<HubErrorCode> = new Set(['offline', 'cut_off', 'server_fault', 'rate_limited']);

/**
 * @throws HubError
 * @throws ModelError where the repository holds no model that can be read
 */
export async function openHubModel(
  reference: HubReference,
  settings: HubSettings,
  options: HubOptions = {},
): Promise<ModelFiles> {
  const folder = await fetchModel(reference, settings, options);
  const path = reference.file === undefined ? folder : join(folder, reference.file);
  return { ...(await openModelFolder(path)), name: referenceText(reference) };
}

/**
 * Looks at a model before anything large is fetched: that it is there, may be read, and holds weights that can be.
 * @returns bytes of its weights as they are stored; 0 where the cache holds the model whole
 * @throws HubError; ModelError where the repository holds no model that can be read
 */
export async function lookAtHubModel(
  reference: HubReference,
  settings: HubSettings,
  policy: FetchPolicy = DEFAULT_FETCH_POLICY,
): Promise<number> {
  if (await completeSnapshot(new HubCache(settings.cache, reference.repo), reference)) return 0;
  const name = referenceText(reference);
  if (settings.offline)
    throw new HubError('offline', `${name} is not in the cache, and HF_HUB_OFFLINE forbids fetching it.`);
  const { files } = await lookUp({ settings, reference, purpose: 'read' }, policy, () => {});
  const { weights } = select(name, new Set(files.keys()), reference.file);
  const format = weights.file.replace(/\.index\.json$/, '').replace(/^.*(?=\.)/, '');
  const shards = [...files.values()].filter(({ file }) => !file.includes('/') && file.endsWith(format));
  const counted = weights.kind === 'whole' ? shards.filter(({ file }) => file === weights.file) : shards;
  return counted.reduce((sum, { size }) => sum + size, 0);
}

/** @returns the folder of the snapshot */
async function fetchModel(
  reference: HubReference,
  settings: HubSettings,
  { policy = DEFAULT_FETCH_POLICY, onEvent = () => {} }: HubOptions,
): Promise<string> {
  const cache = new HubCache(settings.cache, reference.repo);
  const present = await completeSnapshot(cache, reference);
  const name = referenceText(reference);
  if (settings.offline) {
    if (present) return present;
    throw new HubError(
      'offline',
      `${name} is not in the cache ${settings.cache}, and HF_HUB_OFFLINE forbids fetching it. Unset that, or give a model folder.`,
    );
  }
  const asking: Asking = { settings, reference, purpose: 'read' };
  const note = (message: string) => onEvent({ type: 'note', message });
  let listing: Listing;
  try {
    const eager = present ? { ...policy, attempts: 1 } : policy;
    listing = await lookUp(asking, eager, ({ reason }) => note(`${reason} Trying again.`));
  } catch (error) {
    if (!(error instanceof HubError) || !PASSING.has(error.code)) throw error;
    if (present) {
      note(`${error.message} The copy of ${name} in the cache is used.`);
      return present;
    }
    if (error.code !== 'offline') throw error;
    const sentence = `${error.message} ${name} is not in the cache ${settings.cache} either: connect, or give a model folder.`;
    throw new HubError('offline', sentence, { cause: error });
  }
  await new Download(cache, listing, asking, policy, onEvent).run();
  await cache.remember(reference, listing.commit);
  return cache.snapshot(listing.commit);
}

/** The snapshot of the cache that holds all of a model. */
async function completeSnapshot(cache: HubCache, reference: HubReference): Promise<string | undefined> {
  const commit = await cache.commitOf(reference);
  if (commit === undefined) return undefined;
  const folder = cache.snapshot(commit);
  try {
    const { weights, small } = select(folder, new Set(await readdir(folder)), reference.file);
    const index = weights.kind === 'index' ? await readFile(join(folder, weights.file)) : undefined;
    const shards = index ? shardsIn(folder, weights.file, index) : [];
    for (const file of [...small, weights.file, ...shards]) if (!existsSync(join(folder, file))) return undefined;
    return folder;
  } catch {
    return undefined;
  }
}

class Download {
  readonly #cache: HubCache;
  readonly #listing: Listing;
  readonly #asking: Asking;
  readonly #policy: FetchPolicy;
  readonly #onEvent: (event: HubEvent) => void;
  /** Of the files that were missing. */
  readonly #all = { bytes: 0, size: 0 };

  constructor(
    cache: HubCache,
    listing: Listing,
    asking: Asking,
    policy: FetchPolicy,
    onEvent: (event: HubEvent) => void,
  ) {
    this.#cache = cache;
    this.#listing = listing;
    this.#asking = asking;
    this.#policy = policy;
    this.#onEvent = onEvent;
  }

  async run(): Promise<void> {
    const { commit, files } = this.#listing;
    const { reference } = this.#asking;
    const name = referenceText(reference);
    const { small, weights } = select(name, new Set(files.keys()), reference.file);
    if (weights.kind === 'whole') return this.#fetch([...small, weights.file]);
    // Only its index says which files hold the weights.
    await this.#fetch([weights.file]);
    const index = await readFile(join(this.#cache.snapshot(commit), weights.file));
    await this.#fetch([...small, ...shardsIn(name, weights.file, index)]);
  }

  async #fetch(names: readonly string[]): Promise<void> {
    const missing: RemoteFile[] = [];
    for (const name of names) {
      const file = this.#listing.files.get(name);
      if (!file) {
        const { reference } = this.#asking;
        throw new ModelError('bad_tensors', `${referenceText(reference)} lacks the file ${name} that its index names.`);
      }
      if (!this.#cache.has(this.#listing.commit, name)) missing.push(file);
    }
    const absent: RemoteFile[] = [];
    for (const file of missing) {
      if (existsSync(this.#cache.blob(file.etag))) await this.#link(file);
      else absent.push(file);
    }
    for (const { size } of absent) this.#all.size += size;
    await this.#checkSpace(absent);
    for (const file of absent) {
      await this.#fetchOne(file);
      await this.#link(file);
    }
  }

  #link({ file, etag }: RemoteFile): Promise<void> {
    return this.#cache.link(this.#listing.commit, file, etag);
  }

  async #fetchOne(source: RemoteFile): Promise<void> {
    const { file, size, etag } = source;
    const blob = this.#cache.blob(etag);
    const before = this.#all.bytes;
    const tell = (state: 'begun' | 'moving' | 'done', bytes: number) => {
      this.#all.bytes = before + bytes;
      this.#onEvent({ type: 'file', file, size, state, bytes, all: { ...this.#all } });
    };
    const note = (message: string) => this.#onEvent({ type: 'note', message });
    const work = async () => {
      if (existsSync(blob)) return;
      let begun = false;
      await transfer(source, blob, {
        asking: this.#asking,
        policy: this.#policy,
        onBytes: (bytes) => {
          tell(begun ? 'moving' : 'begun', bytes);
          begun = true;
        },
        onRetry: ({ delay }) =>
          note(
            `${file} stops after ${this.#all.bytes - before} of ${size} bytes; trying again in ${Math.max(1, Math.round(delay / 1000))} s.`,
          ),
      });
    };
    const lock = await this.#cache.lock(etag, () =>
      note(`${file} is being fetched by another process; waiting for it.`),
    );
    try {
      await work();
    } finally {
      lock.release();
    }
    tell('done', size);
  }

  /** Says beforehand that a disk is too small. */
  async #checkSpace(files: readonly RemoteFile[]): Promise<void> {
    if (files.length === 0) return;
    const { folder } = this.#cache;
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw fileError(error, folder);
    });
    const disk = await statfs(folder).catch(() => undefined);
    const needed = files.reduce((sum, { size }) => sum + size, 0);
    if (!disk || disk.bavail * disk.bsize >= needed) return;
    throw new HubError(
      'disk_full',
      `${referenceText(this.#asking.reference)} takes ${needed} bytes and the disk of ${folder} has ${disk.bavail * disk.bsize} left. Free some space, or set HF_HOME to a folder on another disk.`,
    );
  }
}
