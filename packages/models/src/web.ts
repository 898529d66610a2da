// Models in a browser: files behind URLs, fetched with their progress in bytes, and folders that a person has picked.
// Both are blobs, of which large files are read in parts.

import type { FileContent, ModelFiles, OpenFile } from './checkpoints/model-files.ts';
import type { FolderFiles } from './checkpoints/model-folder.ts';
import { ModelError } from './errors.ts';
import { type FetchOptions, fetchModelFile } from './fetched-file.ts';

export { type FetchOptions, type FetchProgress, fetchModelFile } from './fetched-file.ts';

/** How the files of a model are fetched. */
export interface FetchFilesOptions extends FetchOptions {
  /** What people know the model by. Default: the URL. */
  readonly name?: string;
}

/**
 * A model whose files lie at URLs; each is fetched when it is first read, and once.
 * @param place the URL of a folder, or the URL of each file by its name: then no other is asked for
 */
export function fetchModelFiles(
  place: string | Readonly<Record<string, string>>,
  { name, ...options }: FetchFilesOptions = {},
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
  return blobModelFiles(name ?? (typeof place === 'string' ? place : 'the model'), blobOf);
}

/** What a person has picked or dropped, as a model. @throws ModelError as `pickedModel` does */
export function pickedModelFiles(files: Iterable<File>): ModelFiles {
  const { name, blobs } = pickedModel(files);
  return blobModelFiles(name, (file) => blobs.get(file));
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

/**
 * A model whose files are blobs, read in parts where they are large.
 * @param blobOf the blob of a file, which is asked for at every read; undefined where there is no such file
 */
export function blobModelFiles(
  name: string,
  blobOf: (file: string) => Blob | undefined | Promise<Blob | undefined>,
): ModelFiles {
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
