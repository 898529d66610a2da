// The cache of Python's huggingface_hub: models--org--name/ with blobs/ETAG, snapshots/COMMIT/FILE, which are links to
// blobs, and refs/REVISION, which hold a commit.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getRepoFolderName } from '@huggingface/hub';
import { awaitLock, type FileLock } from '@ludic/io/node';
import { fileError } from './errors.ts';
import { COMMIT, type HubReference } from './reference.ts';

export class HubCache {
  /** models--org--name */
  readonly folder: string;
  readonly #locks: string;

  constructor(cache: string, repo: string) {
    const name = getRepoFolderName({ name: repo, type: 'model' });
    this.folder = join(cache, name);
    this.#locks = join(cache, '.locks', name);
  }

  blob(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /**
   * Keeps others from fetching the same blob.
   * @param onWait called once where another is fetching it
   */
  async lock(etag: string, onWait: () => void): Promise<FileLock> {
    // Python's lock of the same blob is called .lock.
    const path = join(this.#locks, `${etag}.ludic`);
    try {
      await mkdir(this.#locks, { recursive: true });
      return (await awaitLock(path, Number.POSITIVE_INFINITY, { onWait }))!;
    } catch (error) {
      throw fileError(error, path);
    }
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The commit that a revision stood for when it was last looked up. */
  async commitOf({ revision }: HubReference): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const text = await readFile(this.#ref(revision), 'utf8').catch(() => '');
    return COMMIT.test(text.trim()) ? text.trim() : undefined;
  }

  async remember({ revision }: HubReference, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.#ref(revision);
    await atomically(path, (fresh) => writeFile(fresh, commit));
  }

  /** Whether a snapshot has a file, with its bytes. */
  has(commit: string, file: string): boolean {
    return existsSync(join(this.snapshot(commit), file));
  }

  /** Puts a blob into a snapshot under the name of a file. */
  async link(commit: string, file: string, etag: string): Promise<void> {
    const path = join(this.snapshot(commit), file);
    const blob = this.blob(etag);
    await atomically(path, async (fresh) => {
      try {
        await symlink(relative(dirname(path), blob), fresh);
      } catch (error) {
        // Windows lets few accounts make links.
        if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
        await copyFile(blob, fresh);
      }
    });
  }

  #ref(revision: string): string {
    return join(this.folder, 'refs', ...revision.split('/'));
  }
}

/** Makes something beside its place and renames it. */
async function atomically(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await rm(fresh, { force: true });
    await make(fresh);
    await rename(fresh, path);
  } catch (error) {
    throw fileError(error, path);
  }
}
