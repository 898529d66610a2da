// Files whose bytes are on the disk when they are closed.

import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes the folders on the way, opens a file to be written, and syncs it.
 * @param flags as `open` takes them: `w` begins anew, `a+` goes on with what is there
 * @param mode permissions of a new file; the process's own default where absent
 */
export async function writeSynced(
  path: string,
  flags: 'w' | 'a+',
  write: (file: FileHandle) => Promise<void>,
  mode?: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, flags, mode);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
