// A folder that is written whole or not at all: checkpoints, exports, downloads.

import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileContent } from '../checkpoints/model-files.ts';
import type { FolderFiles } from '../checkpoints/model-folder.ts';
import { ModelError } from '../errors.ts';

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
