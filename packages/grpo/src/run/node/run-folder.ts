// A run in a folder of this machine. Everything that replaces something is written beside it and renamed. One process works
// on a run: another would append to its log and replace its checkpoints.

import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, rmdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, takeLock, writeFileAtomic } from '@ludic/io/node';
import { openAdapterFolder, openModelFolder, writeFilesAtomically } from '@ludic/models/node';
import { GrpoError } from '../../errors.ts';
import type { RunStorage } from '../run-storage.ts';
import { checkpointFolder, createRun, openRun, REFERENCE_FOLDER, type RunConfig, StoredRun } from '../stored-run.ts';

/** Lies in the folder of a run and is no part of it. */
const LOCK_FILE = 'run.lock';

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

/**
 * Works on the run in a folder, which is made where it is not there, while no other process does.
 * @throws GrpoError `run_busy`
 */
export async function holdRun<T>(folder: string, kind: 'new' | 'resume', work: () => Promise<T>): Promise<T> {
  // Where no run can be, there is nothing to hold: the work says what is wrong.
  const isRun = existsSync(join(folder, 'config.json'));
  if (kind === 'resume' ? !isRun : !(await isFree(folder))) return work();
  const made = await mkdir(folder, { recursive: true });
  const path = join(folder, LOCK_FILE);
  const lock = takeLock(path);
  if (!lock) throw busy(folder);
  try {
    return await work();
  } finally {
    await letGo(lock, folder, made !== undefined);
  }
}

/**
 * Whether a folder holds no more than what a run writes before its first checkpoint, so that nothing is lost with it. True
 * where there is no such folder.
 * @param others names of files that others keep in the folder of a run
 */
export async function hasOnlyBegun(folder: string, others: readonly string[] = []): Promise<boolean> {
  const { names } = folderStorage(folder);
  const known = new Set(['config.json', 'config.json.new', 'checkpoints', 'metrics.jsonl', ...OF_REFERENCE, ...others]);
  // A plain model has a config.json too, and its weights beside. A checkpoint is complete once its name has no dot.
  return (
    (await names('')).every((name) => known.has(name)) &&
    (await names('checkpoints')).every((name) => name.startsWith('.'))
  );
}

/** Written whole, from beside. */
const OF_REFERENCE = [REFERENCE_FOLDER, `.${REFERENCE_FOLDER}.new`, `.${REFERENCE_FOLDER}.old`];

/** The folder stays as it was where no run came of it. */
async function letGo(lock: FileLock, folder: string, isOurs: boolean): Promise<void> {
  const isBare = await isFree(folder);
  if (isBare) await rm(join(folder, LOCK_FILE), { force: true });
  lock.release();
  if (isBare && isOurs) await rmdir(folder).catch(() => {});
}

/** Whether nothing lies there that would keep a run from beginning. */
async function isFree(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).every((name) => name === LOCK_FILE);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

const busy = (folder: string) =>
  new GrpoError('run_busy', `Another process works on the run in ${folder}: wait until it ends, or stop it first.`);
