// The file DATA/ludic.db: its tables, its versions, and whether it can be trusted. What cannot is left as it is.

import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '@ludic/service';

/** Each brings a database from the version of its number to the next. What was released is never changed. */
const MIGRATIONS = [
  `
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  output_dir TEXT,
  record TEXT NOT NULL,
  place INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX active_names ON jobs (output_dir) WHERE output_dir IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX by_status ON jobs (status, place);
CREATE INDEX by_name ON jobs (output_dir, number);
CREATE TABLE events (
  job TEXT NOT NULL REFERENCES jobs (id),
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;
`,
] as const;

/** "Ludi", so that the database of another program is not taken for ours. */
const APPLICATION = 0x4c756469;

/** @throws ServiceError `unavailable`, naming the file */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    assertNotEmptied(path);
    database = new DatabaseSync(path, { timeout: 5000 });
    const verdict = pragma(database, 'integrity_check');
    if (verdict !== 'ok') throw new Error(String(verdict));
    const version = Number(pragma(database, 'user_version'));
    const isNew = version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
    if (!isNew && pragma(database, 'application_id') !== APPLICATION) throw new Error('it belongs to another program');
    if (version > MIGRATIONS.length)
      throw new Error(`it is of version ${version}, and this program knows versions up to ${MIGRATIONS.length}`);
    // FULL: a job that was accepted survives the loss of power.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    for (const [from, migration] of MIGRATIONS.entries()) {
      if (from < version) continue;
      database.exec(
        `BEGIN IMMEDIATE; ${migration} PRAGMA user_version = ${from + 1}; PRAGMA application_id = ${APPLICATION}; COMMIT`,
      );
    }
    return database;
  } catch (error) {
    database?.close();
    const advice = isOfTheDisk(error)
      ? 'Its disk may be full, or must not be written to: make room, or choose another --data. Nothing is lost.'
      : 'Put a copy of it back, or move it away to begin a new list; models and runs stay.';
    const message = `The list of jobs ${path} cannot be used: ${(error as Error).message}. ${advice}`;
    throw new ServiceError('unavailable', message, { cause: error });
  }
}

const pragma = (database: DatabaseSync, name: string): unknown =>
  Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];

/** SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL and SQLITE_CANTOPEN, each with its kinds. */
function isOfTheDisk(error: unknown): boolean {
  const { errcode } = error as { readonly errcode?: number };
  return errcode !== undefined && [8, 10, 13, 14].includes(errcode & 255);
}

/** An empty file is a new database to SQLite. Beside folders of jobs it is one that was lost. */
function assertNotEmptied(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.size !== 0) return;
  // What was written last may still be in the log beside it.
  if (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size) return;
  const jobs = readdirSync(join(dirname(path), 'jobs')).filter((name) => /^(train|evaluate)-/.test(name));
  if (jobs.length > 0) throw new Error(`it is empty, although there are folders of ${jobs.length} jobs`);
}
