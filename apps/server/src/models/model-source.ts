// What a name that a client gave means: files of this server, or a model of the Hugging Face Hub; and which version of it.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '@ludic/service';

/** The name of the model that is part of Ludic. No other has it. */
export const NANO = 'nano';

/** Where the files of a model of this server are. */
export interface ModelPlaces {
  /** What people know it by. */
  readonly name: string;
  /** What would be loaded: a model folder. */
  readonly folder: string;
  /** A folder with an adapter that is worked into it, while its run has not finished. */
  readonly adapter?: string;
}

/** Where a model's files are. */
export type ModelOrigin =
  | { readonly from: 'store'; readonly model: ModelPlaces }
  /** `org/name` of the Hugging Face Hub, or one word such as `gpt2`, with `@revision` where one is meant. */
  | { readonly from: 'hub'; readonly reference: string };

/** A name from outside, short and in quotes. */
export const shown = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** Also for the model of another name: it must not be told from one that is not there. */
export const noSuchModel = (name: string) =>
  new ServiceError('not_found', `There is no model ${shown(name)}. GET /models lists those of this server.`);

/** Names that a model of the server may have, and some old ones of the Hub. With a revision it is one of the Hub. */
export const isOneWord = (path: string) => !/[/@]/.test(path);

/** What a job remembers of a name: one of the Hub stays one, whatever models of the server come and go. */
export const rememberedName = (source: ModelOrigin, path: string) =>
  source.from === 'hub' && isOneWord(path) ? `${path}@main` : path;

/** Places on this machine, and what users are shown instead. */
export function hiddenPlaces(source: ModelOrigin): readonly (readonly [string, string])[] {
  if (source.from === 'hub') return [];
  const { name, folder, adapter } = source.model;
  return [[folder, name], ...(adapter === undefined ? [] : [[adapter, `the adapter of ${name}`] as const])];
}

/** Identity, version and size of a model: one that is trained again is loaded again. */
export interface ModelKey {
  /** The same for all versions. */
  readonly name: string;
  readonly version: string;
  /** Bytes of memory that the weights will take, about; 0 where only the process that has their files can tell. */
  readonly bytes: number;
}

/** Weights are often stored in half the bytes that they are computed in, those of GGUF in a quarter. */
const GROWTH = 2;
const GROWTH_OF_GGUF = 4;

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
    bytes: weights.reduce(
      (sum, { path, bytes }) => sum + bytes * (path.endsWith('.gguf') ? GROWTH_OF_GGUF : GROWTH),
      0,
    ),
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
  const weights = names
    .filter((name) => /\.(safetensors|bin|gguf)$/.test(name) && !name.startsWith('optimizer'))
    .sort();
  return Promise.all(
    weights.map(async (name) => {
      const path = join(folder, name);
      return { path, bytes: (await stat(path).catch(() => undefined))?.size ?? 0 };
    }),
  );
}
