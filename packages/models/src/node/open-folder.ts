// Model folders of this machine, opened: files are read when they are asked for.

import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFiles, OpenFile } from '../checkpoints/model-files.ts';
import { lacksConfig } from '../checkpoints/refusals.ts';
import { ModelError } from '../errors.ts';
import { ggufNames } from '../gguf/file-names.ts';
import { ggufModelFiles } from '../gguf/gguf-files.ts';

/**
 * A model of this machine: a folder with a config.json, a GGUF file, or a folder with one GGUF file.
 * @throws ModelError `not_a_model`
 */
export async function openModelFolder(path: string): Promise<ModelFiles> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() && path.endsWith('.gguf')) return openGguf(path, path);
  const names = found?.isDirectory() ? await readdir(path).catch(() => []) : [];
  const [gguf, ...others] = names.includes('config.json') ? [] : ggufNames(names);
  if (others.length > 0)
    throw new ModelError(
      'not_a_model',
      `${path} holds several GGUF files (${[gguf, ...others].join(', ')}). Give the path of one.`,
    );
  return gguf === undefined ? openFolder(path, 'model', 'config.json') : openGguf(path, join(path, gguf));
}

const openGguf = (name: string, path: string): ModelFiles => ggufModelFiles(name, () => openFile(path));

/** @throws ModelError `not_a_model` where there is no folder with an adapter_config.json */
export const openAdapterFolder = (path: string): Promise<ModelFiles> =>
  openFolder(path, 'adapter', 'adapter_config.json');

async function openFolder(path: string, kind: string, needed: string): Promise<ModelFiles> {
  const folder = await stat(path).catch(() => undefined);
  if (!folder?.isDirectory())
    throw new ModelError('not_a_model', `${path} is no ${kind} folder: there is no such folder.`);
  if (!(await stat(join(path, needed)).catch(() => undefined))) {
    throw lacksConfig(path, await readdir(path).catch(() => []), needed, kind);
  }
  return {
    name: path,
    read: (name) => present(join(path, name), async (file) => new Uint8Array(await readFile(file))),
    open: (name) => present(join(path, name), openFile),
    list: () => readdir(path),
  };
}

/** What `work` makes of a file, undefined where there is none. */
async function present<T>(path: string, work: (path: string) => Promise<T>): Promise<T | undefined> {
  try {
    return await work(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ModelError('not_a_model', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Bytes that the system is asked for at once. */
const LARGEST_READ = 2 ** 26;

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  return {
    size,
    async read(at, into) {
      for (let done = 0; done < into.length; ) {
        const length = Math.min(LARGEST_READ, into.length - done);
        const { bytesRead } = await handle.read(into, done, length, at + done);
        if (bytesRead === 0) throw new ModelError('not_a_model', `${path} is cut off, or shrank while it was read.`);
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}
