// Models in a browser: files behind URLs, fetched with their progress in bytes, and folders that a person has picked.
// Both are blobs, of which large files are read in parts.

import type { FileContent, ModelFiles, OpenFile } from './checkpoint.ts';
import { ModelError } from './errors.ts';
import type { FolderFiles } from './model-folder.ts';

/** How far the fetching of a model's files is. */
export interface FetchProgress {
  readonly file: string;
  /** Bytes of this file that are here. */
  readonly loaded: number;
  /** Undefined where the server does not tell. */
  readonly total: number | undefined;
}

export interface FetchOptions {
  /** What people know the model by. Default: the URL. */
  readonly name?: string;
  /** Sent with every question, such as a password. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * A model whose files lie at URLs; each is fetched when it is first read, and once.
 * @param place the URL of a folder, or the URL of each file by its name: then no other is asked for
 */
export function fetchModelFiles(
  place: string | Readonly<Record<string, string>>,
  { name, ...options }: FetchOptions = {},
): ModelFiles {
  const urlOf = (file: string): string | undefined =>
    typeof place === 'string'
      ? `${place.replace(/\/?$/, '/')}${file}`
      : Object.hasOwn(place, file)
        ? place[file]
        : undefined;
  const fetched = new Map<string, Promise<Blob | undefined>>();
  const blobOf = (file: string) => {
    const known = fetched.get(file);
    if (known) return known;
    const url = urlOf(file);
    const blob = url === undefined ? Promise.resolve(undefined) : fetchModelFile(url, file, options);
    fetched.set(file, blob);
    // What failed may be tried again.
    blob.catch(() => fetched.delete(file));
    return blob;
  };
  return blobFiles(name ?? (typeof place === 'string' ? place : 'the model'), blobOf);
}

/** What a person has picked or dropped, as a model. @throws ModelError as `pickedModel` does */
export function pickedModelFiles(files: Iterable<File>): ModelFiles {
  const { name, blobs } = pickedModel(files);
  return blobModelFiles(name, blobs);
}

/**
 * The files that a person has picked or dropped, by their names in the folder that holds the config.json.
 * @throws ModelError `not_a_model` where there is no such folder, or more than one
 */
export function pickedModel(files: Iterable<File>): {
  readonly name: string;
  readonly blobs: ReadonlyMap<string, Blob>;
} {
  const paths = new Map(Array.from(files, (file) => [file.webkitRelativePath || file.name, file]));
  const folders = [...paths.keys()].flatMap((path) => /^(.*\/|)config\.json$/.exec(path)?.[1] ?? []);
  const depth = (folder: string) => folder.split('/').length;
  const least = Math.min(...folders.map(depth));
  const [folder, ...others] = folders.filter((one) => depth(one) === least);
  if (folder === undefined)
    throw new ModelError(
      'not_a_model',
      'What was picked is no model: it has no config.json. Pick the folder that has one.',
    );
  if (others.length > 0) {
    const names = [folder, ...others].map((one) => one.replace(/\/$/, '')).join(', ');
    throw new ModelError('not_a_model', `What was picked holds several models. Pick one of the folders ${names}.`);
  }
  const name = folder.replace(/\/$/, '') || 'the picked model';
  const inside = [...paths].filter(([path]) => path.startsWith(folder));
  return { name, blobs: new Map(inside.map(([path, file]) => [path.slice(folder.length), file])) };
}

/** The files of a model in memory, as blobs: what a page keeps, stores and downloads. Parameters are copied. */
export function blobsOf(files: FolderFiles): ReadonlyMap<string, Blob> {
  const parts = (data: FileContent) => (typeof data === 'string' || data instanceof Uint8Array ? [data] : [...data]);
  return new Map(Array.from(files, ([name, data]) => [name, new Blob(parts(data) as BlobPart[])]));
}

/** A model whose files are blobs. */
export const blobModelFiles = (name: string, blobs: ReadonlyMap<string, Blob>): ModelFiles =>
  blobFiles(name, async (file) => blobs.get(file));

function blobFiles(name: string, blobOf: (file: string) => Promise<Blob | undefined>): ModelFiles {
  return {
    name,
    async read(file) {
      const blob = await blobOf(file);
      return blob && bytesOf(blob, file);
    },
    async open(file) {
      const blob = await blobOf(file);
      return blob && openBlob(blob, file);
    },
  };
}

const openBlob = (blob: Blob, file: string): OpenFile => ({
  size: blob.size,
  async read(at, into) {
    const bytes = await bytesOf(blob.slice(at, at + into.length), file);
    if (bytes.length < into.length) throw new ModelError('not_a_model', `${file} is cut off.`);
    into.set(bytes);
  },
  async close() {},
});

async function bytesOf(blob: Blob, file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    const message = `${file} cannot be read, or was changed since it was picked: ${(error as Error).message}`;
    throw new ModelError('not_a_model', message, { cause: error });
  }
}

/**
 * The file behind a URL, undefined where there is none. Its bytes are handed over as they come.
 * @throws ModelError `not_fetched`; the reason of the signal
 */
export async function fetchModelFile(
  url: string,
  file: string,
  { headers, onProgress, signal }: Omit<FetchOptions, 'name'> = {},
): Promise<Blob | undefined> {
  const failed = (why: string, cause?: unknown) =>
    new ModelError('not_fetched', `${file} could not be fetched: ${why} Try again.`, { cause });
  try {
    const response = await fetch(url, { ...(headers && { headers }), ...(signal && { signal }) });
    if (response.status === 404 || response.status === 410) return undefined;
    // Servers of single pages answer with their page where a file is missing.
    if (response.headers.get('content-type')?.startsWith('text/html')) return undefined;
    if (!response.ok) throw failed(`the server answers ${response.status}.`);
    // The length of an answer that was compressed on its way says nothing about the file.
    const length = response.headers.get('content-encoding') === null ? response.headers.get('content-length') : null;
    const total = length === null ? undefined : Number(length);
    const parts: Blob[] = [];
    let loaded = 0;
    for (const reader = response.body!.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(new Blob([value]));
      loaded += value.length;
      onProgress?.({ file, loaded, total });
    }
    if (total !== undefined && loaded !== total) throw failed(`only ${loaded} of ${total} bytes came.`);
    return new Blob(parts);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ModelError ? error : failed(`${(error as Error).message}.`, error);
  }
}
