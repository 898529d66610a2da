// One process works on a run: another would append to its log and replace its checkpoints.

import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileLock, takeLock } from '@ludic/io/node';
import { GrpoError } from '../../errors.ts';

/** Lies in the folder of a run and is no part of it. */
export const LOCK_FILE = 'run.lock';

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
