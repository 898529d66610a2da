// Runs the jobs: the queue, an attempt for each job that runs, and what comes after it. Every decision is stored before the
// server acts on it, so that a server that is killed can be started again.

import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environments } from '@ludic/environments';
import { gameFiles } from '@ludic/environments/node';
import { isEnd } from '@ludic/service';
import { gameChange, gameOrigin } from '../games.ts';
import type { ModelStore } from '../models/model-store.ts';
import { Attempt } from './attempt.ts';
import { CurveReader } from './curve/curve-reader.ts';
import { ingestCurve } from './curve/ingest.ts';
import { EvaluationWork } from './evaluation-work.ts';
import { JobProcess } from './job-process.ts';
import { jobEvent } from './job-view.ts';
import type { JobWork, RolloutLink, WorkHooks } from './job-work.ts';
import { boundLog, note } from './log-file.ts';
import type { CompleteJobsOptions } from './options.ts';
import { type JobOutcome, outcomeOf, outcomeOfLost } from './outcome.ts';
import { type JobPlaces, jobLockPlace, jobPlaces } from './places.ts';
import type { Change, JobFields, JobStore, StoredJob } from './store/job-store.ts';

interface SupervisorOptions extends CompleteJobsOptions {
  readonly store: JobStore;
  readonly models: ModelStore;
  /** There are new events of a job. */
  readonly onNews: (id: string) => void;
}

const WATCH_MS = 500;
/** Pauses while the list of jobs cannot be written. */
const DISK_MS = 2000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #store: JobStore;
  readonly #attempts = new Map<string, Attempt>();
  /** Between the queue and their process. */
  readonly #starting = new Set<string>();
  readonly #notBefore = new Map<string, number>();
  readonly #watch: NodeJS.Timeout;
  #stopping = false;
  #onIdle: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#watch = setInterval(() => this.#look(), WATCH_MS).unref();
  }

  /** Jobs that ran when the last server was killed go back to where they were in the queue, unless that is why it was. */
  async begin(): Promise<void> {
    for (const job of this.#store.withStatus('running')) {
      const curve = this.#curvePath(job);
      if (curve !== undefined) await ingestCurve(this.#store, job.id, new CurveReader(curve), () => {});
      this.#decide(job.id, outcomeOfLost(job, this.#newestCheckpoint(job)));
    }
    for (const job of this.#store.withStatus('queued')) this.#tellOfGame(job);
    this.pump();
  }

  /** Process of a running job. */
  pidOf(id: string): number | undefined {
    return this.#attempts.get(id)?.pid;
  }

  /** Where the rollouts of a training of an agent are, while it runs. */
  rolloutsOf(id: string): RolloutLink | undefined {
    return this.#attempts.get(id)?.rollouts;
  }

  cancel(job: StoredJob): StoredJob {
    const attempt = this.#attempts.get(job.id);
    if (!attempt && !this.#starting.has(job.id)) return this.#change(job.id, cancelled());
    const changed = this.#change(job.id, { cancelling: true, reason: 'It is being cancelled: it saves first.' });
    attempt?.end('cancel', this.#options.graceMs);
    return changed;
  }

  /** @returns undefined where another job has its name */
  requeue(job: StoredJob): StoredJob | undefined {
    const fields = {
      status: 'queued',
      ended_at: null,
      reason: null,
      result: null,
      cancelling: false,
      consecutiveFailures: 0,
      failureCheckpoint: -1,
      ranMs: 0,
    } as const;
    const changed = this.#store.requeue(job.id, (each) => this.#changeOf(each, fields));
    if (!changed) return undefined;
    this.#options.onNews(job.id);
    this.pump();
    return this.#tellOfGame(changed);
  }

  /** Starts nothing more, and asks what runs to save and end. */
  endAll(): void {
    this.#stopping = true;
    for (const attempt of this.#attempts.values()) {
      attempt.end('stop', this.#options.graceMs);
      try {
        // The server may be killed before the job has saved.
        this.#store.update(attempt.id, 'durable', () => ({ fields: { stopping: true } }));
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  async stop(): Promise<void> {
    this.endAll();
    if (this.#attempts.size + this.#starting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    clearInterval(this.#watch);
  }

  /** Starts what may start, in the order of the queue. */
  pump(): void {
    if (this.#stopping) return;
    const free = () => this.#options.maxConcurrent - this.#attempts.size - this.#starting.size;
    if (free() <= 0) return;
    const running = new Map<string, number>();
    const count = (owner: string) => running.set(owner, (running.get(owner) ?? 0) + 1);
    for (const active of [...this.#attempts.keys(), ...this.#starting]) count(this.#store.get(active)!.owner);
    for (const { id, owner, env_type } of this.#store.withStatus('queued')) {
      if (free() <= 0) return;
      if (!environments.has(env_type)) continue;
      if (this.#starting.has(id) || this.#attempts.has(id)) continue;
      if ((this.#notBefore.get(id) ?? 0) > performance.now()) continue;
      const most = this.#options.limitsOf(owner)?.running ?? Number.POSITIVE_INFINITY;
      if ((running.get(owner) ?? 0) >= most) continue;
      count(owner);
      this.#starting.add(id);
      this.#start(id)
        .catch((error: Error) => {
          this.#options.onFault(error);
          // The machine, not the job: it is tried again.
          this.#notBefore.set(id, performance.now() + DISK_MS);
          setTimeout(() => this.pump(), DISK_MS + 1).unref();
        })
        .finally(() => {
          this.#starting.delete(id);
          this.#settled();
        });
    }
  }

  async #start(id: string): Promise<void> {
    const { dataFolder, silenceMs, onNews, onFault } = this.#options;
    const places = jobPlaces(dataFolder, id);
    await mkdir(places.folder, { recursive: true });
    await boundLog(places);
    const queued = this.#store.get(id)!;
    if (queued.cancelling) {
      this.#change(id, cancelled());
      return;
    }
    if (this.#stopping || queued.status !== 'queued') return;
    const job = this.#change(id, {
      status: 'running',
      attempts: queued.attempts + 1,
      started_at: queued.started_at ?? now(),
      heartbeat_at: now(),
      reason: null,
      stopping: false,
    });
    this.#tellOfChange(job);
    try {
      const attempt = new Attempt({
        job,
        begin: (hooks) => this.#begin(job, places, hooks),
        store: this.#store,
        log: places,
        curvePath: this.#curvePath(job),
        silenceMs,
        onNews: () => onNews(id),
        onFault,
        onEnd: () => void this.#ended(attempt),
      });
      this.#attempts.set(id, attempt);
    } catch (error) {
      this.#change(id, { status: 'queued', reason: `It could not be started: ${(error as Error).message}.` });
      throw error;
    }
  }

  #begin(job: StoredJob, places: JobPlaces, hooks: WorkHooks): JobWork {
    const { dataFolder, device, threads, graceMs, orphanMs, pool, models } = this.#options;
    if (job.kind === 'evaluate')
      return new EvaluationWork({ request: job.request, pool, models, dataFolder, places, ...hooks });
    const lock = jobLockPlace(dataFolder, job.output_dir);
    const { id } = job;
    const common = { dataFolder, device, threads, job, games: gameFiles(), lock, lockWaitMs: orphanMs, graceMs };
    return new JobProcess({ begin: { type: 'begin', id, ...common }, logPath: places.log, ...hooks });
  }

  /** Why a job waits whose game was not named at this start of the server. */
  #tellOfGame(job: StoredJob): StoredJob {
    if (environments.has(job.env_type)) return job;
    const reason = `It waits for the game ${job.env_type}, which this server was started without.`;
    return job.reason === reason ? job : this.#change(job.id, { reason });
  }

  /** The server may have been started with another text of the game since the job was accepted, or last begun. */
  #tellOfChange({ id, env_type, game }: StoredJob): void {
    const message = gameChange(env_type, game);
    if (message === undefined) return;
    this.#note(id, message);
    const events = [{ type: 'warning', data: { message } }];
    this.#store.update(id, 'durable', () => ({ fields: gameOrigin(env_type), events }));
    this.#options.onNews(id);
  }

  async #ended(attempt: Attempt): Promise<void> {
    const { id } = attempt;
    // While the disk is full the end of the job cannot be stored.
    for (;;) {
      try {
        await this.#conclude(attempt);
        break;
      } catch (error) {
        this.#options.onFault(error);
        // It is still running in the list, so the next server takes it up.
        if (this.#stopping) break;
        await sleep(DISK_MS);
      }
    }
    this.#attempts.delete(id);
    this.#settled();
  }

  async #conclude(attempt: Attempt): Promise<void> {
    const { id } = attempt;
    const ending = await attempt.settle(this.#newestCheckpoint(this.#store.get(id)!));
    this.#decide(id, outcomeOf(this.#store.get(id)!, ending, this.#options.timeoutMs));
  }

  #decide(id: string, { fields, pause }: JobOutcome): void {
    const { status, reason } = fields;
    this.#note(id, reason ?? 'The job is completed.');
    if (pause > 0) {
      const { backoffMs } = this.#options;
      const ms = backoffMs[Math.min(pause, backoffMs.length) - 1] ?? 0;
      this.#notBefore.set(id, performance.now() + ms);
      setTimeout(() => this.pump(), ms + 1).unref();
    }
    this.#change(id, { ...fields, ...(isEnd(status) && { ended_at: now(), cancelling: false }) });
  }

  #look(): void {
    for (const attempt of this.#attempts.values()) {
      try {
        attempt.look(this.#options);
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  #settled(): void {
    if (this.#attempts.size + this.#starting.size === 0) this.#onIdle?.();
    try {
      this.pump();
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  /** Step of the newest whole checkpoint of a training; -1 where there is none. */
  #newestCheckpoint({ output_dir: name }: StoredJob): number {
    return name === null ? -1 : newestStep(join(this.#options.models.folderOf(name), 'checkpoints'));
  }

  #curvePath({ output_dir: name }: StoredJob): string | undefined {
    return name === null ? undefined : join(this.#options.models.folderOf(name), 'metrics.jsonl');
  }

  #note(id: string, line: string): void {
    note(jobPlaces(this.#options.dataFolder, id).log, line);
  }

  #changeOf(job: StoredJob, fields: Partial<JobFields>): Change {
    return { fields, events: [jobEvent({ ...job, ...fields })] };
  }

  /** A change that clients are told of, and that lasts. */
  #change(id: string, fields: Partial<JobFields>): StoredJob {
    const job = this.#store.update(id, 'durable', (each) => this.#changeOf(each, fields));
    if (isEnd(job.status)) this.#notBefore.delete(id);
    this.#options.onNews(id);
    return job;
  }
}

const now = () => new Date().toISOString();
const cancelled = () => ({ status: 'cancelled', ended_at: now(), reason: 'It was cancelled.' }) as const;

function newestStep(checkpoints: string): number {
  try {
    const names = readdirSync(checkpoints);
    return Math.max(-1, ...names.map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? -1)));
  } catch {
    return -1;
  }
}
