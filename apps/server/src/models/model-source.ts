// What a name that a client gave means: files of this server, or a model of the Hugging Face Hub.

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
