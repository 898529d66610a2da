// A run's event files for TensorBoard, in tensorboard/ of its folder. Each start of the run begins a file, which continues
// after the last step that the earlier files and the run both have.

import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restartEvent, scalarsEvent, stepOfSummary, versionEvent } from '../tensorboard/events.ts';
import { decodeRecords, encodeRecord } from '../tensorboard/records.ts';
import { MetricsFollower } from './follower.ts';

/** Rows in one write. */
const ROWS = 256;

export interface TensorBoardOptions {
  /** The folder of the run. */
  readonly run: string;
  /** The last step before this start; 0 for a new run. */
  readonly after: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Name of this machine. */
  readonly host: string;
}

export class TensorBoardLog {
  readonly #path: string;
  /** Step of the last written row. */
  #after: number;
  readonly #now: () => number;
  readonly #follower: MetricsFollower;

  private constructor(path: string, after: number, { run, now }: TensorBoardOptions) {
    this.#path = path;
    this.#after = after;
    this.#now = now;
    this.#follower = new MetricsFollower(run);
  }

  static async open(options: TensorBoardOptions): Promise<TensorBoardLog> {
    const { run, after, now, host } = options;
    const folder = join(run, 'tensorboard');
    await mkdir(folder, { recursive: true });
    const names = (await readdir(folder)).filter((name) => name.startsWith('events.out.tfevents.'));
    // After a kill the files may lack the last steps, or hold steps that the run repeats.
    const written = (await Promise.all(names.map((name) => lastStep(join(folder, name))))).reduce(
      (a, b) => Math.max(a, b),
      0,
    );
    const start = Math.min(after, written);
    const seconds = now() / 1000;
    const events = [versionEvent(seconds), ...(names.length > 0 ? [restartEvent(seconds, start + 1)] : [])];
    const name = `events.out.tfevents.${Math.floor(seconds)}.${host.replaceAll(/[^\w.-]/g, '_')}`;
    for (let again = 0; ; again++) {
      const path = join(folder, again === 0 ? name : `${name}.${again}`);
      try {
        await writeFile(path, Buffer.concat(events.map(encodeRecord)), { flag: 'wx' });
        return new TensorBoardLog(path, start, options);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  /** Writes the new rows of metrics.jsonl. @param ended whether the file is complete */
  async update(ended: boolean): Promise<void> {
    for (;;) {
      const rows = await this.#follower.next(ROWS, ended);
      if (rows.length === 0) return;
      const fresh = rows.filter(({ step }) => step > this.#after);
      const records = fresh.map(({ step, values }) => encodeRecord(scalarsEvent(this.#now() / 1000, step, values)));
      if (records.length > 0) await appendFile(this.#path, Buffer.concat(records));
      this.#after = fresh.at(-1)?.step ?? this.#after;
    }
  }
}

async function lastStep(path: string): Promise<number> {
  const steps = decodeRecords(new Uint8Array(await readFile(path))).map((event) => stepOfSummary(event) ?? 0);
  return steps.reduce((a, b) => Math.max(a, b), 0);
}
