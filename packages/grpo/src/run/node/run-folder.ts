// A run in a folder of this machine. Everything that replaces something is written beside it and renamed.

import { appendFile, mkdir, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@ludic/io/node';
import { openAdapterFolder, openModelFolder, writeFilesAtomically } from '@ludic/models/node';
import type { RunStorage } from '../run-storage.ts';
import { checkpointFolder, createRun, openRun, type RunConfig, StoredRun } from '../stored-run.ts';
import { LOCK_FILE } from './run-lock.ts';

/** A run whose files are in a folder of this machine. One process at a time may write to it: `holdRun`. */
export class RunFolder extends StoredRun {
  /** @throws GrpoError `run_exists` where the folder holds anything */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const { storage } = await createRun(folderStorage(path), config);
    await mkdir(join(path, 'checkpoints'), { recursive: true });
    return new RunFolder(storage, config);
  }

  /** @throws GrpoError `no_run` */
  static async open(path: string): Promise<RunFolder> {
    const { storage, config } = await openRun(folderStorage(path));
    return new RunFolder(storage, config);
  }

  /** The folder of the checkpoint after `step` optimizer batches. */
  checkpointPath(step: number): string {
    return join(this.storage.place, checkpointFolder(step));
  }
}

export function folderStorage(path: string): RunStorage {
  const at = (name: string) => join(path, name);
  return {
    place: path,
    async names(folder) {
      const found = await present(readdir(at(folder)), []);
      return folder === '' ? found.filter((name) => name !== LOCK_FILE) : found;
    },
    read: (file) =>
      present(
        readFile(at(file)).then((data) => new Uint8Array(data)),
        undefined,
      ),
    write: (file, text) => writeFileAtomic(at(file), text),
    append: (file, text) => appendFile(at(file), text),
    cut: (file, length) => truncate(at(file), length),
    writeFolder: (folder, files) => writeFilesAtomically(at(folder), files, { replace: true }),
    removeFolder: (folder) => rm(at(folder), { recursive: true, force: true }),
    open: (folder, kind) => (kind === 'model' ? openModelFolder(at(folder)) : openAdapterFolder(at(folder))),
  };
}

const present = <T, None>(found: Promise<T>, none: None): Promise<T | None> =>
  found.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return none;
    throw error;
  });
