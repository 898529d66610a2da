// Files that are replaced whole or not at all: written beside their place, synced, renamed. A kill or a full disk at any
// moment leaves the old file.

import { rename, rm } from 'node:fs/promises';
import { writeSynced } from './write-synced.ts';

/** @param mode permissions of a new file; the process's own default where absent */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void> {
  const beside = `${path}.new`;
  try {
    await writeSynced(beside, 'w', (file) => file.writeFile(data), mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}
