// A lock that the system itself lets go of when its holder dies, however it dies: an exclusive transaction of SQLite.

import { DatabaseSync } from 'node:sqlite';

export interface Lock {
  release(): void;
}

/**
 * @param path of a file that serves for nothing else
 * @param waitMs how long to wait for another holder; the thread is blocked meanwhile
 * @returns undefined where another process holds it
 */
export function holdLock(path: string, waitMs: number): Lock | undefined {
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}

/** SQLITE_BUSY */
const BUSY = 5;
