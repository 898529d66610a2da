// Identity, version and size of the model that a source means: a model that is trained again is loaded again.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelOrigin } from '../models/model-source.ts';

export interface ModelKey {
  /** The same for all versions. */
  readonly name: string;
  readonly version: string;
  /** Bytes of memory that the weights will take, about; 0 where only the process that has their files can tell. */
  readonly bytes: number;
}

/** Weights are often stored in half the bytes that they are computed in. */
const GROWTH = 2;

/**
 * Folders of models are written beside their places and renamed, so the inode and time of a folder tell versions apart; but a
 * user may copy other weights over those of a plain folder.
 */
export async function modelKey(source: ModelOrigin): Promise<ModelKey> {
  if (source.from === 'hub') return { name: `hub ${source.reference}`, version: '', bytes: 0 };
  const { name, folder, adapter } = source.model;
  const places = adapter === undefined ? [folder] : [folder, adapter];
  const weights = await weightFiles(folder);
  const stamped = [...places, ...places.map((place) => join(place, 'config.json')), ...weights.map(({ path }) => path)];
  return {
    name: storeKey(name),
    version: [...places, ...(await Promise.all(stamped.map(stamp)))].join(' '),
    bytes: GROWTH * weights.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The key's name of a model of the server. */
export const storeKey = (name: string) => `store ${name}`;

async function stamp(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? `${found.ino}:${found.mtimeMs}` : 'missing';
}

async function weightFiles(folder: string): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const weights = names.filter((name) => /\.(safetensors|bin)$/.test(name) && !name.startsWith('optimizer')).sort();
  return Promise.all(
    weights.map(async (name) => {
      const path = join(folder, name);
      return { path, bytes: (await stat(path).catch(() => undefined))?.size ?? 0 };
    }),
  );
}
