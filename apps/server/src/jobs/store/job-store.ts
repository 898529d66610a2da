// Jobs and their events in SQLite, DATA/ludic.db. One process writes it: the server that holds the data folder's lock.
// `StoredJob` names things as the code does; the JSON in the column `record` keeps the keys of the first version.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { type Job, type JobState, ServiceError } from '@ludic/service';
import type { GameOrigin } from '../../games.ts';
import type { RequestedWork } from '../process/messages.ts';
import { openDatabase } from './database.ts';

/** A job as it is stored: what clients see, and what the server needs beside it. */
export type StoredJob = JobFields & RequestedWork;

/** What changes while a job waits and runs, and what it does not depend on its kind. */
export interface JobFields extends Omit<Job, 'job_id' | keyof RequestedWork> {
  readonly id: string;
  /** A client asked for its end. */
  readonly cancelling: boolean;
  /** The server has asked it to end, since it is ending itself. */
  readonly stopping: boolean;
  /** Deaths of its process, or of the server while it ran, in a row without a new checkpoint between them. */
  readonly consecutiveFailures: number;
  /** Step of the newest checkpoint at the last of them; -1 where there was none. */
  readonly failureCheckpoint: number;
  /** Milliseconds that its processes have run. */
  readonly ranMs: number;
  /** Step of the newest evaluation among its events. */
  readonly evaluatedStep: number;
  /** The file of its game, where that is one of the server's user. */
  readonly game?: GameOrigin;
}

export interface NewEvent {
  readonly type: string;
  readonly data: unknown;
}

export interface StoredEvent extends NewEvent {
  /** The first of a job is 1. */
  readonly seq: number;
}

/** What happens to a job in one transaction. */
export interface Change {
  readonly fields: Partial<JobFields>;
  readonly events?: readonly NewEvent[];
}

/** Whether a change must survive the loss of power, or may be done again after one. */
type Durability = 'durable' | 'repeatable';

export class JobStore {
  readonly #database: DatabaseSync;
  #durability: Durability = 'durable';

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** @throws ServiceError `unavailable` where the file is damaged or of another program or version */
  static open(path: string): JobStore {
    return new JobStore(openDatabase(path));
  }

  /** @returns false where an active job has the same output_dir */
  insert(job: StoredJob, event: (job: StoredJob) => NewEvent): boolean {
    return this.#unlessTaken(() => {
      const text = `INSERT INTO jobs (id, kind, status, output_dir, record, place) VALUES (?, ?, ?, ?, ?, ${LAST_PLACE})`;
      this.#run(text, [job.id, job.kind, job.status, job.output_dir, recordOf(job)]);
      this.#append(job.id, event(job));
    });
  }

  get(id: string): StoredJob | undefined {
    const row = this.#database.prepare('SELECT record FROM jobs WHERE id = ?').get(id);
    return row && read(row);
  }

  /** The newest first. */
  list(status: JobState | undefined, limit: number, owner?: string): StoredJob[] {
    const text = `SELECT record FROM jobs WHERE (?1 IS NULL OR status = ?1)
      AND (?2 IS NULL OR json_extract(record, '$.owner') = ?2) ORDER BY number DESC LIMIT ?3`;
    return this.#database
      .prepare(text)
      .all(status ?? null, owner ?? null, limit)
      .map(read);
  }

  /** The owner of the newest job that trains under that name. */
  ownerOf(outputDir: string): string | undefined {
    const text = 'SELECT record FROM jobs WHERE output_dir = ? ORDER BY number DESC LIMIT 1';
    const row = this.#database.prepare(text).get(outputDir);
    return row && read(row).owner;
  }

  /** How many wait before a job and with it; null where it does not wait. */
  queuePlace(id: string): number | null {
    const text = `SELECT count(*) AS count FROM jobs AS other JOIN jobs AS mine ON other.place <= mine.place
      WHERE mine.id = ? AND mine.status = 'queued' AND other.status = 'queued'`;
    return (this.#database.prepare(text).get(id) as { count: number }).count || null;
  }

  /** In the order of the queue. */
  withStatus(status: JobState): StoredJob[] {
    return this.#database.prepare('SELECT record FROM jobs WHERE status = ? ORDER BY place').all(status).map(read);
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
   * Changes a job, with its events, in one transaction. `change` sees the job as it is.
   * @returns the job as it is then
   */
  update(id: string, durability: Durability, change: (job: StoredJob) => Change): StoredJob {
    return this.#transaction(durability, () => this.#change(id, change));
  }

  /**
   * Puts a job at the end of the queue.
   * @returns undefined where another job has taken its output_dir meanwhile
   */
  requeue(id: string, change: (job: StoredJob) => Change): StoredJob | undefined {
    const later = `SELECT 1 FROM jobs AS other JOIN jobs AS mine
      ON other.output_dir = mine.output_dir AND other.number > mine.number WHERE mine.id = ?`;
    if (this.#database.prepare(later).get(id)) return undefined;
    const update = () => {
      this.#run(`UPDATE jobs SET place = ${LAST_PLACE} WHERE id = ?`, [id]);
      this.#change(id, change);
    };
    return this.#unlessTaken(update) ? this.get(id) : undefined;
  }

  /** Whether a job has had this very event. */
  hasEvent(id: string, { type, data }: NewEvent): boolean {
    const text = 'SELECT 1 FROM events WHERE job = ? AND type = ? AND data = ?';
    return this.#database.prepare(text).get(id, type, JSON.stringify(data)) !== undefined;
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

  #unlessTaken(work: () => void): boolean {
    try {
      this.#transaction('durable', work);
      return true;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === UNIQUE) return false;
      throw error;
    }
  }

  #transaction<T>(durability: Durability, work: () => T): T {
    const database = this.#database;
    if (durability !== this.#durability) {
      database.exec(`PRAGMA synchronous = ${durability === 'durable' ? 'FULL' : 'NORMAL'}`);
      this.#durability = durability;
    }
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      // On a full disk SQLite has taken it back itself.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  #change(id: string, change: (job: StoredJob) => Change): StoredJob {
    const before = this.get(id)!;
    const { fields, events = [] } = change(before);
    const job: StoredJob = { ...before, ...fields };
    this.#run('UPDATE jobs SET status = ?, record = ? WHERE id = ?', [job.status, recordOf(job), id]);
    for (const event of events) this.#append(id, event);
    return job;
  }

  #append(id: string, { type, data }: NewEvent): void {
    const text = `INSERT INTO events (job, seq, type, data)
      VALUES (?1, 1 + coalesce((SELECT max(seq) FROM events WHERE job = ?1), 0), ?2, ?3)`;
    this.#run(text, [id, type, JSON.stringify(data)]);
  }

  #run(text: string, values: SQLInputValue[]): void {
    this.#database.prepare(text).run(...values);
  }
}

const LAST_PLACE = '(SELECT 1 + coalesce(max(place), 0) FROM jobs)';

/** SQLITE_CONSTRAINT_UNIQUE */
const UNIQUE = 2067;

const recordOf = ({ consecutiveFailures: strikes, failureCheckpoint: strikeCheckpoint, ...job }: StoredJob): string =>
  JSON.stringify({ ...job, strikes, strikeCheckpoint });

function read(row: object): StoredJob {
  const { strikes, strikeCheckpoint, ...job } = JSON.parse((row as { record: string }).record);
  return { ...job, consecutiveFailures: strikes, failureCheckpoint: strikeCheckpoint };
}

/** A full disk, in the words of a client. */
export function storeFault(error: unknown): unknown {
  const { errcode } = error as { errcode?: number };
  // SQLITE_FULL; SQLITE_IOERR and its kinds
  if (errcode !== 13 && (errcode === undefined || (errcode & 255) !== 10)) return error;
  return new ServiceError('unavailable', 'The server cannot write to its disk, which may be full. Try again later.', {
    retryAfter: 60,
    cause: error,
  });
}
