// A lock on a file that the system itself releases when its holder dies, however it dies: an exclusive transaction of
// SQLite. The file stays, empty.

import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock that this process holds. Releasing it twice does nothing the second time. */
export interface FileLock {
  release(): void;
}

/** SQLITE_BUSY */
const BUSY = 5;
const POLL_MS = 50;

/** A database that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * @param path of a file that serves for nothing else: opening and closing it by other means in this process ends the lock
 * @returns undefined where another holder has it, in this process or in another
 */
export function takeLock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is written, and no journal should lie beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}

/** How a wait for a lock is stopped, and who learns of it. */
export interface AwaitLockOptions {
  /** Once it is aborted, the wait rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once where another holder has the lock. */
  readonly onWait?: () => void;
}

/**
 * Waits for another holder, without blocking the event loop.
 * @param waitMs at least so long, in milliseconds
 * @returns undefined where it is still held after that time
 */
export async function awaitLock(
  path: string,
  waitMs: number,
  { signal, onWait }: AwaitLockOptions = {},
): Promise<FileLock | undefined> {
  for (let left = waitMs; ; left -= POLL_MS) {
    signal?.throwIfAborted();
    const lock = takeLock(path);
    if (lock || left <= 0) return lock;
    if (left === waitMs) onWait?.();
    await sleep(POLL_MS, undefined, signal && { signal });
  }
}
