// Which model a source means, which version of it, and what it will take: a model that is trained again is loaded again.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSource } from '../models/model-source.ts';

export interface ModelKey {
  /** The same for all versions. */
  readonly name: string;
  readonly version: string;
  /** Bytes of memory that the weights will take, about; 0 where that shows only after the download. */
  readonly bytes: number;
}

/** Weights are often stored in half the bytes that they are computed in. */
const GROWTH = 2;

/** Folders of models are written beside their places and renamed, so a folder's own number and time tell. */
export async function modelKey(source: ModelSource): Promise<ModelKey> {
  if (source.from === 'hub') return { name: `hub ${source.reference}`, version: '', bytes: 0 };
  const { name, folder, adapter } = source.model;
  const places = adapter === undefined ? [folder] : [folder, adapter];
  const stamps = await Promise.all(places.flatMap((place) => [stamp(place), stamp(join(place, 'config.json'))]));
  return {
    name: `store ${name}`,
    version: [...places, ...stamps].join(' '),
    bytes: GROWTH * (await weightBytes(folder)),
  };
}

async function stamp(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? `${found.ino}:${found.mtimeMs}` : 'missing';
}

async function weightBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch((): string[] => []);
  const weights = names.filter((name) => /\.(safetensors|bin)$/.test(name) && !name.startsWith('optimizer'));
  const sizes = await Promise.all(weights.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0);
}
