// The folder of everything that a server keeps: made where it is missing, for its user alone.

import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StartupError } from './startup-error.ts';

/** @throws StartupError `bad_data_folder` */
export async function openDataFolder(path: string): Promise<string> {
  try {
    await make(resolve(path));
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error('a file'), { code: 'ENOTDIR' });
    await chmod(path, 0o700);
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTDIR' || code === 'EEXIST' ? 'it is a file, or lies below one' : `the system says ${code}`;
    throw new StartupError('bad_data_folder', `--data ${path} cannot be a folder: ${why}. Choose another.`, {
      cause: error,
    });
  }
}

/** One level after the other: Node's recursive mkdir never ends where the system makes no folders, as below /proc. */
async function make(path: string): Promise<void> {
  if (await stat(path).catch((error: NodeJS.ErrnoException) => missing(error))) return;
  await make(dirname(path));
  await mkdir(path, { mode: 0o700 });
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
