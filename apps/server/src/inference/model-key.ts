// Which model a source means, and which version of it: a model that is trained again is loaded again.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSource } from './protocol.ts';

export interface ModelKey {
  /** The same for all versions. */
  readonly name: string;
  readonly version: string;
}

/** Folders of models are written beside their places and renamed, so a folder's own number and time tell. */
export async function modelKey(source: ModelSource): Promise<ModelKey> {
  if (source.from === 'hub') return { name: `hub ${source.reference}`, version: '' };
  const { name, folder, adapter } = source.model;
  const places = adapter === undefined ? [folder] : [folder, adapter];
  const stamps = await Promise.all(places.flatMap((place) => [stamp(place), stamp(join(place, 'config.json'))]));
  return { name: `store ${name}`, version: [...places, ...stamps].join(' ') };
}

async function stamp(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? `${found.ino}:${found.mtimeMs}` : 'missing';
}
