// Files that are replaced whole or not at all: written beside their place, synced, renamed. A kill or a full disk at any
// moment leaves the old file.

import { type FileHandle, rename, rm } from 'node:fs/promises';
import { writeSynced } from './write-synced.ts';

/**
 * @param data the content, or parts of it in order, each made when it is written
 * @param mode permissions of a new file; the process's own default where absent
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const parts = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
  const beside = `${path}.new`;
  try {
    const write = async (file: FileHandle) => {
      // Each goes behind the last.
      for (const part of parts) await file.writeFile(part);
    };
    await writeSynced(beside, 'w', write, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    throw error;
  }
}
