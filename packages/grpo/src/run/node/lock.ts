// A lock that the system itself lets go of when its holder dies, however it dies: an exclusive transaction of SQLite.

import { DatabaseSync } from 'node:sqlite';

export interface Lock {
  release(): void;
}

/** A database that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * @param path of a file that serves for nothing else: whoever opens and closes it by other means in this process ends the
 *   lock
 * @returns undefined where another process holds it
 */
export function takeLock(path: string): Lock | undefined {
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

/** SQLITE_BUSY */
const BUSY = 5;
