// What makes jobs happen: the queue, a process for each job that runs, and what to do when one ends, dies, hangs or takes
// too long. Every decision is written down before it is acted upon, so that a server that is killed can be started again.

import { join } from 'node:path';
import { isEnd, type Job } from '@ludic/service';
import type { ModelStore } from '../models/model-store.ts';
import { CurveReader } from './curve.ts';
import { type Exit, JobProcess } from './job-process.ts';
import type { JobStore, StoredJob } from './job-store.ts';
import type { JobsOptions } from './jobs.ts';
import { rotateLog } from './log-file.ts';
import type { FromJob, JobRequest } from './process/messages.ts';

export interface SupervisorOptions extends JobsOptions {
  readonly graceMs: number;
  readonly store: JobStore;
  readonly models: ModelStore;
  readonly present: (job: StoredJob) => Job;
  /** There are new events of a job. */
  readonly onNews: (id: string) => void;
}

/** Deaths in a row without a checkpoint between them. */
const MOST_STRIKES = 3;
const BACKOFF_MS = [1000, 5000, 15_000];
/** A single run of a large network takes long, and no sign comes meanwhile. */
const SILENCE_MS = 30 * 60_000;
const WATCH_MS = 1000;
/** A sign of life is written down at most this often. */
const HEARTBEAT_MS = 5000;

/** Why the server ends a process. */
type Wish = 'cancel' | 'timeout' | 'stop' | 'silent';

interface Running {
  readonly process: JobProcess;
  readonly startedMs: number;
  readonly curve: CurveReader | undefined;
  /** The last sign of life, and the last one that was written down. */
  seenMs: number;
  writtenMs: number;
  wish: Wish | undefined;
  killAtMs: number;
  /** Its own account of its end. */
  end: Extract<FromJob, { type: 'ended' | 'failed' }> | undefined;
  /** Readings of the curve, one after another. */
  reading: Promise<void>;
  /** For the time left: where counting began. */
  readonly fromStep: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #store: JobStore;
  readonly #running = new Map<string, Running>();
  readonly #starting = new Set<string>();
  readonly #notBefore = new Map<string, number>();
  readonly #watch: NodeJS.Timeout;
  #stopping = false;
  #idle: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#watch = setInterval(() => this.#look(), WATCH_MS).unref();
  }

  /** Jobs that ran when the last server was killed go back into the queue, before those that waited. */
  async begin(): Promise<void> {
    for (const job of this.#store.withStatus('running')) {
      await this.#readCurve(job.id, this.#curveOf(job));
      if (job.cancelling) this.#change(job.id, { status: 'cancelled', ended_at: now(), reason: 'It was cancelled.' });
      else this.#died(job.id, 'The server was killed while it ran.');
    }
    this.#pump();
  }

  accept(job: StoredJob): void {
    this.#announce(job);
    this.#pump();
  }

  cancel(job: StoredJob): StoredJob {
    const running = this.#running.get(job.id);
    if (!running && !this.#starting.has(job.id))
      return this.#change(job.id, { status: 'cancelled', ended_at: now(), reason: 'It was cancelled.' });
    const changed = this.#change(job.id, { cancelling: true, reason: 'It is being cancelled: it saves first.' });
    if (running) this.#endProcess(running, 'cancel');
    return changed;
  }

  /** @returns undefined where another active job has the same name */
  requeue(job: StoredJob): StoredJob | undefined {
    const changed = this.#store.update(
      job.id,
      { status: 'queued', ended_at: null, reason: null, result: null, cancelling: false, strikes: 0, ranMs: 0 },
      (each) => ({ type: 'job', data: this.#options.present(each) }),
    );
    if (!changed) return undefined;
    this.#options.onNews(job.id);
    this.#pump();
    return changed;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const running of this.#running.values()) this.#endProcess(running, 'stop');
    if (this.#running.size + this.#starting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    clearInterval(this.#watch);
  }

  /** Starts what may start. */
  #pump(): void {
    if (this.#stopping) return;
    const { maxConcurrent } = this.#options;
    for (const job of this.#store.withStatus('queued')) {
      if (this.#running.size + this.#starting.size >= maxConcurrent) return;
      if (this.#starting.has(job.id) || (this.#notBefore.get(job.id) ?? 0) > performance.now()) continue;
      this.#starting.add(job.id);
      this.#start(job).catch((error: Error) => {
        this.#starting.delete(job.id);
        this.#change(job.id, {
          status: 'failed',
          ended_at: now(),
          reason: `It could not be started: ${error.message}`,
        });
        this.#settled();
      });
    }
  }

  async #start(queued: StoredJob): Promise<void> {
    const { id } = queued;
    const { dataFolder, device, threads } = this.#options;
    const logPath = join(dataFolder, 'jobs', id, 'log.txt');
    await rotateLog(logPath);
    const present = this.#store.get(id)!;
    if (this.#stopping || present.cancelling || present.status !== 'queued') {
      this.#starting.delete(id);
      if (present.cancelling) this.#change(id, { status: 'cancelled', ended_at: now(), reason: 'It was cancelled.' });
      return this.#settled();
    }
    const job = this.#change(id, {
      status: 'running',
      attempts: queued.attempts + 1,
      started_at: queued.started_at ?? now(),
      heartbeat_at: now(),
      reason: null,
    });
    const ms = performance.now();
    const running: Running = {
      process: new JobProcess({
        begin: { type: 'begin', id, dataFolder, device, threads, job: requestOf(job) },
        logPath,
        onMessage: (message) => this.#hear(id, running, message),
        onExit: (exit) => void this.#ended(id, running, exit),
      }),
      startedMs: ms,
      curve: this.#curveOf(job),
      seenMs: ms,
      writtenMs: ms,
      wish: undefined,
      killAtMs: Number.POSITIVE_INFINITY,
      end: undefined,
      reading: Promise.resolve(),
      fromStep: job.step,
    };
    this.#running.set(id, running);
    this.#starting.delete(id);
  }

  #hear(id: string, running: Running, message: FromJob): void {
    const ms = performance.now();
    running.seenMs = ms;
    switch (message.type) {
      case 'alive':
        if (ms - running.writtenMs < HEARTBEAT_MS) return;
        running.writtenMs = ms;
        this.#store.update(id, { heartbeat_at: now() });
        return;
      case 'curve':
        running.reading = running.reading.then(() => this.#readCurve(id, running.curve, running));
        return;
      case 'checkpoint':
        // What comes now cannot be lost any more: deaths before it do not count.
        this.#store.update(id, { strikes: 0 });
        return;
      case 'played':
        this.#change(id, { step: message.games, seconds_left: this.#secondsLeft(id, running, message.games) });
        return;
      case 'warning': {
        const { type: _, ...data } = message;
        this.#store.append(id, { type: 'warning', data });
        this.#options.onNews(id);
        return;
      }
      case 'ended':
      case 'failed':
        running.end = message;
        return;
      default:
        message satisfies never;
    }
  }

  async #readCurve(id: string, curve: CurveReader | undefined, running?: Running): Promise<void> {
    if (!curve) return;
    const lines = await curve.next();
    let { step, evaluatedStep, latest } = this.#store.get(id)!;
    for (const line of lines) {
      // After a kill the steps since the last checkpoint are done again, with the same numbers.
      if (line.type === 'step' ? line.step <= step : line.step <= evaluatedStep) continue;
      if (line.type === 'step') {
        step = line.step;
        const numbers = Object.entries(line.data).filter(([, value]) => typeof value === 'number');
        latest = Object.fromEntries(numbers) as Record<string, number>;
      } else evaluatedStep = line.step;
      this.#store.append(id, { type: line.type, data: line.data });
    }
    if (lines.length === 0) return;
    const secondsLeft = running ? this.#secondsLeft(id, running, step) : null;
    this.#store.update(id, { step, evaluatedStep, latest, seconds_left: secondsLeft });
    this.#options.onNews(id);
  }

  #secondsLeft(id: string, running: Running, step: number): number | null {
    const done = step - running.fromStep;
    if (done <= 0) return null;
    const seconds = (performance.now() - running.startedMs) / 1000;
    const left = Math.max(0, this.#store.get(id)!.total_steps - step);
    return Math.round((seconds / done) * left * 10) / 10;
  }

  async #ended(id: string, running: Running, exit: Exit): Promise<void> {
    await running.reading.then(() => this.#readCurve(id, running.curve, running)).catch(() => {});
    const { end, wish } = running;
    const ranMs = this.#store.get(id)!.ranMs + (performance.now() - running.startedMs);
    this.#store.update(id, { ranMs });
    const ended_at = now();
    if (end?.type === 'ended' && end.status === 'finished') {
      const { total_steps } = this.#store.get(id)!;
      const result = end.result ? { ...end.result } : null;
      this.#change(id, { status: 'completed', ended_at, reason: null, result, step: total_steps, seconds_left: 0 });
    } else if (end?.type === 'failed') {
      this.#change(id, { status: 'failed', ended_at, reason: end.reason });
    } else if (wish === 'cancel') {
      this.#change(id, { status: 'cancelled', ended_at, reason: savedOr('It was cancelled', end) });
    } else if (wish === 'timeout') {
      const limit = `It took longer than the ${this.#options.timeoutMs / 1000} s that a job may`;
      this.#change(id, { status: 'failed', ended_at, reason: savedOr(limit, end) });
    } else if (end?.type === 'ended' || wish === 'stop') {
      this.#change(id, { status: 'queued', reason: 'The server was stopped; it goes on when the server does.' });
    } else {
      const silent = wish === 'silent' ? 'Its process gave no sign of life and was ended.' : undefined;
      this.#died(id, silent ?? causeOf(exit));
    }
    this.#running.delete(id);
    this.#settled();
  }

  /** A death that nobody wished: another attempt, from the last checkpoint, or the end where that has not helped. */
  #died(id: string, cause: string): void {
    const strikes = this.#store.get(id)!.strikes + 1;
    if (strikes >= MOST_STRIKES) {
      const reason = `${cause} That is the ${strikes}rd death without a checkpoint between them.`;
      this.#change(id, { status: 'failed', ended_at: now(), reason, strikes });
      return;
    }
    const pauses = this.#options.backoffMs ?? BACKOFF_MS;
    const pause = pauses[Math.min(strikes, pauses.length) - 1] ?? 0;
    this.#notBefore.set(id, performance.now() + pause);
    this.#change(id, { status: 'queued', reason: `${cause} It is tried again from its last checkpoint.`, strikes });
    setTimeout(() => this.#pump(), pause + 1).unref();
  }

  #look(): void {
    const ms = performance.now();
    const { timeoutMs } = this.#options;
    for (const [id, running] of this.#running) {
      if (ms >= running.killAtMs) running.process.kill();
      else if (ms - running.seenMs > SILENCE_MS) this.#endProcess(running, 'silent', 0);
      else if (timeoutMs > 0 && this.#store.get(id)!.ranMs + ms - running.startedMs > timeoutMs)
        this.#endProcess(running, 'timeout');
    }
  }

  #endProcess(running: Running, wish: Wish, graceMs = this.#options.graceMs): void {
    // Who asked first has asked; a cancel outranks the rest.
    if (running.wish !== undefined && wish !== 'cancel') return;
    running.wish = wish;
    if (running.killAtMs === Number.POSITIVE_INFINITY) running.killAtMs = performance.now() + graceMs;
    if (graceMs === 0) running.process.kill();
    else running.process.stop();
  }

  #settled(): void {
    if (this.#running.size + this.#starting.size === 0) this.#idle?.();
    this.#pump();
  }

  #curveOf({ output_dir: name }: StoredJob): CurveReader | undefined {
    return name === null ? undefined : new CurveReader(join(this.#options.models.folderOf(name), 'metrics.jsonl'));
  }

  #change(id: string, change: Partial<StoredJob>): StoredJob {
    const job = this.#store.update(id, change, (each) => ({ type: 'job', data: this.#options.present(each) }))!;
    if (isEnd(job.status)) this.#notBefore.delete(id);
    this.#options.onNews(id);
    return job;
  }

  #announce(job: StoredJob): void {
    this.#store.append(job.id, { type: 'job', data: this.#options.present(job) });
    this.#options.onNews(job.id);
  }
}

const now = () => new Date().toISOString();

/** What was asked for, as `submitTraining` and `submitEvaluation` stored it. */
function requestOf({ kind, request, output_dir: outputDir }: StoredJob): JobRequest {
  if (kind === 'evaluate') return { kind, request } as unknown as JobRequest;
  return { kind, request, outputDir, workers: request.tensor_parallel_size } as unknown as JobRequest;
}

const savedOr = (what: string, end: Running['end']) =>
  end?.type === 'ended' ? `${what}, after it had saved.` : `${what}; it was killed before it had saved.`;

function causeOf({ code, signal }: Exit): string {
  if (signal === 'SIGKILL')
    return 'Its process was killed from outside, as the system does when memory runs out: a smaller batch_size or token_budget, gradient_checkpointing or lora_rank need less.';
  return signal === null
    ? `Its process ended with code ${code}; its log tells more.`
    : `Its process was ended by ${signal}.`;
}
