// Models in folders of this machine.

import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileContent, ModelFiles, OpenFile } from './checkpoints/model-files.ts';
import type { FolderFiles } from './checkpoints/model-folder.ts';
import { lacksConfig } from './checkpoints/refusals.ts';
import { ModelError } from './errors.ts';

/** @throws ModelError `not_a_model` where there is no folder with a config.json */
export const openModelFolder = (path: string): Promise<ModelFiles> => openFolder(path, 'model', 'config.json');

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

/**
 * Writes a folder as a whole: beside its final path, synced, then renamed. A reader sees all files or none.
 * @throws ModelError `write_failed`, for example on a full disk; what was there before is still there
 */
export async function writeFilesAtomically(
  folder: string,
  files: FolderFiles,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<void> {
  const parent = dirname(folder);
  const fresh = join(parent, `.${basename(folder)}.new`);
  const old = join(parent, `.${basename(folder)}.old`);
  try {
    await mkdir(parent, { recursive: true });
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh);
    for (const [name, data] of files) {
      // A name may stand in a folder within.
      await mkdir(dirname(join(fresh, name)), { recursive: true });
      const file = await open(join(fresh, name), 'w');
      try {
        // One part after the other, each behind the last.
        for (const part of parts(data)) await file.writeFile(part);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await sync(fresh);
    if (replace) {
      await rm(old, { recursive: true, force: true });
      await rename(folder, old).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    await rename(fresh, folder);
    await sync(parent);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }).catch(() => {});
    throw new ModelError(
      'write_failed',
      `${folder} could not be written: ${(error as Error).message}. Nothing that was there before is lost.`,
      { cause: error },
    );
  }
}

const parts = (data: FileContent) => (typeof data === 'string' || data instanceof Uint8Array ? [data] : data);

/** Makes a folder's entries last. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
