// Jobs and their events in SQLite, DATA/ludic.db. One process writes it: the server that holds the data folder's lock.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Job, type JobState, ServiceError } from '@ludic/service';

/** A job as it is stored: what clients see, and what the server needs beside it. */
export interface StoredJob extends Omit<Job, 'job_id'> {
  readonly id: string;
  /** Somebody asked for its end. */
  readonly cancelling: boolean;
  /** Deaths of its process since the last checkpoint. */
  readonly strikes: number;
  /** Milliseconds that its processes have run. */
  readonly ranMs: number;
  /** Step of the newest evaluation among its events. */
  readonly evaluatedStep: number;
}

export interface StoredEvent {
  /** The first of a job is 1. */
  readonly seq: number;
  readonly type: string;
  readonly data: unknown;
}

const VERSION = 1;
const SCHEMA = `
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  output_dir TEXT,
  record TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX active_names ON jobs (output_dir) WHERE output_dir IS NOT NULL AND status IN ('queued', 'running');
CREATE INDEX by_status ON jobs (status, number);
CREATE TABLE events (
  job TEXT NOT NULL REFERENCES jobs (id),
  seq INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;
`;

export class JobStore {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @throws ServiceError `unavailable` where the file is damaged or of another version */
  static open(path: string): JobStore {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 5000 });
      // FULL: a job that was accepted survives the loss of power.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
      const { integrity_check: verdict } = database.prepare('PRAGMA integrity_check').get() as {
        integrity_check: string;
      };
      if (verdict !== 'ok') throw new Error(verdict);
      const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
      if (version === 0) database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${VERSION}; COMMIT`);
      else if (version !== VERSION) throw new Error(`it is of version ${version}, this program reads ${VERSION}`);
      return new JobStore(database);
    } catch (error) {
      database?.close();
      const message = `The list of jobs ${path} cannot be used: ${(error as Error).message}. Move it away to begin a new one; models and runs stay.`;
      throw new ServiceError('unavailable', message, { cause: error });
    }
  }

  /** @returns false where an active job has the same output_dir */
  insert(job: StoredJob): boolean {
    try {
      this.#run('INSERT INTO jobs (id, kind, status, output_dir, record) VALUES (?, ?, ?, ?, ?)', [
        job.id,
        job.kind,
        job.status,
        job.output_dir,
        JSON.stringify(job),
      ]);
      return true;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === UNIQUE) return false;
      throw error;
    }
  }

  get(id: string): StoredJob | undefined {
    const row = this.#database.prepare('SELECT record FROM jobs WHERE id = ?').get(id);
    return row && read(row);
  }

  /** The newest first. */
  list(status: JobState | undefined, limit: number): StoredJob[] {
    const rows =
      status === undefined
        ? this.#database.prepare('SELECT record FROM jobs ORDER BY number DESC LIMIT ?').all(limit)
        : this.#database
            .prepare('SELECT record FROM jobs WHERE status = ? ORDER BY number DESC LIMIT ?')
            .all(status, limit);
    return rows.map(read);
  }

  /** The oldest first. */
  withStatus(status: JobState): StoredJob[] {
    return this.#database.prepare('SELECT record FROM jobs WHERE status = ? ORDER BY number').all(status).map(read);
  }

  count(status: JobState): number {
    const row = this.#database.prepare('SELECT count(*) AS count FROM jobs WHERE status = ?').get(status);
    return (row as { count: number }).count;
  }

  hasActive(outputDir: string): boolean {
    const text = "SELECT 1 FROM jobs WHERE output_dir = ? AND status IN ('queued', 'running')";
    return this.#database.prepare(text).get(outputDir) !== undefined;
  }

  /**
   * Changes a job; with an event, in one transaction.
   * @returns the job as it is now, or undefined where another active job has its output_dir
   */
  update(
    id: string,
    change: Partial<StoredJob>,
    event?: (job: StoredJob) => Omit<StoredEvent, 'seq'>,
  ): StoredJob | undefined {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const job: StoredJob = { ...this.get(id)!, ...change };
      this.#run('UPDATE jobs SET status = ?, record = ? WHERE id = ?', [job.status, JSON.stringify(job), id]);
      if (event) this.#append(id, event(job));
      this.#database.exec('COMMIT');
      return job;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      if ((error as { errcode?: number }).errcode === UNIQUE) return undefined;
      throw error;
    }
  }

  append(id: string, event: Omit<StoredEvent, 'seq'>): void {
    this.#append(id, event);
  }

  events(id: string, after: number, limit: number): StoredEvent[] {
    const text = 'SELECT seq, type, data FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?';
    return this.#database
      .prepare(text)
      .all(id, after, limit)
      .map((row) => {
        const { seq, type, data } = row as { seq: number; type: string; data: string };
        return { seq, type, data: JSON.parse(data) };
      });
  }

  close(): void {
    this.#database.close();
  }

  #append(id: string, { type, data }: Omit<StoredEvent, 'seq'>): void {
    const text = `INSERT INTO events (job, seq, type, data)
      VALUES (?1, 1 + coalesce((SELECT max(seq) FROM events WHERE job = ?1), 0), ?2, ?3)`;
    this.#run(text, [id, type, JSON.stringify(data)]);
  }

  #run(text: string, values: SQLInputValue[]): void {
    this.#database.prepare(text).run(...values);
  }
}

/** SQLITE_CONSTRAINT_UNIQUE */
const UNIQUE = 2067;

const read = (row: object): StoredJob => JSON.parse((row as { record: string }).record);
