// One attempt at a job: its process, what it says, how far it gets, and how it is brought to an end.

import { forClients } from '../wording.ts';
import { CurveReader } from './curve/curve-reader.ts';
import { ingestCurve } from './curve/ingest.ts';
import { jobEvent } from './job-view.ts';
import type { JobWork, RolloutLink, WorkExit, WorkHooks } from './job-work.ts';
import { boundLog, type Log, note, tailOf } from './log-file.ts';
import type { AttemptEnd, StopReason } from './outcome.ts';
import type { FromJob } from './process/messages.ts';
import type { JobStore, StoredJob } from './store/job-store.ts';

interface AttemptOptions {
  readonly job: StoredJob;
  readonly begin: (hooks: WorkHooks) => JobWork;
  readonly store: JobStore;
  readonly log: Log;
  /** Where a training writes its numbers. */
  readonly curvePath: string | undefined;
  readonly silenceMs: number;
  /** There are new events. */
  readonly onNews: () => void;
  /** Called for a fault of the server, such as a full disk. */
  readonly onFault: (error: unknown) => void;
  readonly onEnd: () => void;
}

/** A sign of life is written down at most this often. */
const HEARTBEAT_MS = 5000;
/** Updates that the time left is reckoned from. */
const RECENT = 20;
const LAST_LINES = 40;

/** What begins an attempt in the log, so that its last words are told from those of an earlier one. */
const beginning = (attempt: number) => `Attempt ${attempt} begins`;

export class Attempt {
  readonly id: string;
  readonly #options: AttemptOptions;
  readonly #work: JobWork;
  readonly #curve: CurveReader | undefined;
  readonly #startedMs = performance.now();
  #countedMs = this.#startedMs;
  #heardMs = this.#startedMs;
  #killAtMs = Number.POSITIVE_INFINITY;
  #stopReason: StopReason | undefined;
  #report: AttemptEnd['report'];
  #exit: WorkExit | undefined;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #recent: { readonly step: number; readonly seconds: number }[] = [];

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { job, begin, log, curvePath } = options;
    this.id = job.id;
    this.#curve = curvePath === undefined ? undefined : new CurveReader(curvePath);
    this.#work = begin({
      onMessage: (message) => this.#guard(() => this.#hear(message)),
      onExit: (exit) => {
        this.#exit = exit;
        options.onEnd();
      },
    });
    const { pid } = this.#work;
    note(log.log, `${beginning(job.attempts)}${pid === undefined ? '' : `, process ${pid}`}.`);
  }

  get pid(): number | undefined {
    return this.#work.pid;
  }

  get rollouts(): RolloutLink | undefined {
    return this.#exit || this.#stopReason ? undefined : this.#work.rollouts;
  }

  /** Asks it to save and end; what has not ended after the grace is killed. */
  end(reason: StopReason, graceMs: number): void {
    // The first reason counts; a cancel outranks the others.
    if (this.#stopReason !== undefined && reason !== 'cancel') return;
    const asked = this.#stopReason !== undefined;
    this.#stopReason = reason;
    this.#killAtMs = Math.min(this.#killAtMs, performance.now() + graceMs);
    if (reason === 'silent') this.#work.kill();
    else if (!asked) this.#work.stop();
  }

  /** Called every so often. @param timeoutMs how long a job may run, over all attempts; 0: as long as it takes */
  look({ timeoutMs, graceMs }: { readonly timeoutMs: number; readonly graceMs: number }): void {
    const ms = performance.now();
    void boundLog(this.#options.log).catch(this.#options.onFault);
    if (ms >= this.#killAtMs) this.#work.kill();
    else if (ms - this.#heardMs > this.#options.silenceMs) this.end('silent', 0);
    else if (ms - this.#countedMs > HEARTBEAT_MS) this.#guard(() => this.#count(ms));
    if (timeoutMs <= 0 || this.#stopReason !== undefined) return;
    const ranMs = this.#options.store.get(this.id)!.ranMs + ms - this.#countedMs;
    if (ranMs > timeoutMs) this.end('timeout', graceMs);
  }

  /** Takes up the last of what it did. May be called again when it failed. */
  async settle(checkpoint: number): Promise<AttemptEnd> {
    await this.#reading;
    if (this.#curve) await ingestCurve(this.#options.store, this.id, this.#curve, () => {});
    this.#count(performance.now());
    const exit = this.#exit!;
    const tail = await tailOf(this.#options.log, LAST_LINES);
    const printed = tail.slice(Math.max(0, tail.lastIndexOf(beginning(this.#options.job.attempts))));
    const lastWords = exit.printed ?? printed;
    return { exit, report: this.#report, stopReason: this.#stopReason, lastWords, checkpoint };
  }

  #hear(message: FromJob): void {
    const { store, onNews } = this.#options;
    this.#heardMs = performance.now();
    switch (message.type) {
      case 'alive':
        return;
      case 'curve':
        this.#read();
        return;
      case 'played':
        store.update(this.id, 'repeatable', (job) => {
          const fields = { step: message.games, seconds_left: this.#gamesLeft(job, message.games) };
          return { fields, events: [jobEvent({ ...job, ...fields })] };
        });
        onNews();
        return;
      case 'warning': {
        const { type, ...rest } = message;
        const data = { ...rest, message: forClients(rest.message) };
        // Said again by a run that goes on from an earlier checkpoint.
        if (store.hasEvent(this.id, { type, data })) return;
        store.update(this.id, 'repeatable', () => ({ fields: {}, events: [{ type, data }] }));
        onNews();
        return;
      }
      case 'ended':
      case 'failed':
        this.#report = message;
        return;
      default:
        message satisfies never;
    }
  }

  /** One reading at a time; news during one lead to another. */
  #read(): void {
    this.#readAgain = true;
    this.#reading ??= this.#readAll()
      .catch(this.#options.onFault)
      .finally(() => {
        this.#reading = undefined;
      });
  }

  async #readAll(): Promise<void> {
    const { store, onNews } = this.#options;
    while (this.#readAgain) {
      this.#readAgain = false;
      await ingestCurve(store, this.id, this.#curve!, (lines) => {
        for (const { type, step, data } of lines) {
          const seconds = typeof data.seconds === 'number' ? data.seconds : 0;
          const last = this.#recent.at(-1);
          if (type === 'step') this.#recent.push({ step, seconds });
          else if (last) this.#recent.splice(-1, 1, { ...last, seconds: last.seconds + seconds });
        }
        this.#recent = this.#recent.slice(-RECENT);
        store.update(this.id, 'repeatable', (job) => ({ fields: { seconds_left: this.#stepsLeft(job) } }));
        onNews();
      });
    }
  }

  #stepsLeft(job: StoredJob): number | null {
    const last = this.#recent.at(-1);
    if (!last) return null;
    const mean = this.#recent.reduce((sum, { seconds }) => sum + seconds, 0) / this.#recent.length;
    return tenths(mean * Math.max(0, job.total_steps - last.step));
  }

  #gamesLeft(job: StoredJob, games: number): number | null {
    if (games === 0) return null;
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return tenths((seconds / games) * Math.max(0, job.total_steps - games));
  }

  /** Writes down a sign of life and the time that it has run. */
  #count(ms: number): void {
    const heartbeat_at = new Date(Date.now() - (ms - this.#heardMs)).toISOString();
    const more = ms - this.#countedMs;
    this.#options.store.update(this.id, 'repeatable', (job) => ({
      fields: { heartbeat_at, ranMs: job.ranMs + more },
    }));
    this.#countedMs = ms;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}

const tenths = (value: number) => Math.round(10 * value) / 10;
