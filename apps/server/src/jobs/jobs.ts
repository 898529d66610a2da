// Jobs as clients know them: accepted once and for all, looked at, followed, ended. `Supervisor` makes them happen.

import { EventEmitter, once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Device } from '@ludic/runtime';
import {
  type EvaluatePolicy,
  isEnd,
  type Job,
  type JobMetrics,
  type JobState,
  modelName,
  requestedTraining,
  ServiceError,
  type StartTraining,
  trainingFields,
} from '@ludic/service';
import { whyNotTracked } from '@ludic/tracking/node';
import { ModelStore } from '../models/model-store.ts';
import { CurveReader } from './curve.ts';
import { JobStore, type StoredEvent, type StoredJob } from './job-store.ts';
import { holdLock, type Lock } from './lock.ts';
import { tailOf } from './log-file.ts';
import { Supervisor } from './supervisor.ts';
import { requestedTracking } from './tracking.ts';

export interface JobsOptions {
  readonly dataFolder: string;
  readonly device: Device;
  /** Of one model on the CPU. */
  readonly threads?: number;
  readonly maxConcurrent: number;
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  /** How long a process has to save when it is asked to end. Default: two minutes. */
  readonly graceMs?: number;
  /** Pauses before the attempts that follow a death. */
  readonly backoffMs?: readonly number[];
}

const GRACE_MS = 120_000;
/** Events that are read at once, for whoever follows a job. */
const PAGE = 500;

/** @throws ServiceError `unavailable` where another server uses the folder, or its list of jobs is damaged */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { dataFolder } = options;
  await mkdir(join(dataFolder, 'jobs'), { recursive: true });
  const lock = holdLock(join(dataFolder, 'server.lock.db'), 2000);
  if (!lock)
    throw new ServiceError('unavailable', `Another server uses ${dataFolder}. Stop it, or choose another --data.`);
  try {
    const store = JobStore.open(join(dataFolder, 'ludic.db'));
    const jobs = new Jobs(options, store, await ModelStore.open(dataFolder), lock);
    await jobs.begin();
    return jobs;
  } catch (error) {
    lock.release();
    throw error;
  }
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #store: JobStore;
  readonly #models: ModelStore;
  readonly #lock: Lock;
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #supervisor: Supervisor;
  #stopped: Promise<void> | undefined;

  constructor(options: JobsOptions, store: JobStore, models: ModelStore, lock: Lock) {
    this.#options = options;
    this.#store = store;
    this.#models = models;
    this.#lock = lock;
    this.#supervisor = new Supervisor({
      ...options,
      graceMs: options.graceMs ?? GRACE_MS,
      store,
      models,
      present,
      onNews: (id) => this.#news.emit(id),
    });
  }

  /** Takes up what an earlier server left. */
  begin(): Promise<void> {
    return this.#supervisor.begin();
  }

  /** @throws ServiceError `conflict` where the name is in use */
  async submitTraining(
    request: StartTraining,
    owner: string,
  ): Promise<{ job: Job; effective: Readonly<Record<string, unknown>>; message: string }> {
    const { password: _, ...asked } = request;
    const outputDir = modelName(request.output_dir)!;
    // Fails here and not in the job where the model is nowhere.
    await this.#models.resolve(request.model_name);
    const settings = requestedTraining(request);
    const workers = Math.min(request.tensor_parallel_size, availableParallelism(), settings.shards);
    const { steps, history, ...fields } = trainingFields(settings);
    const effective = {
      model_name: request.model_name,
      env_type: request.env_type,
      env_config: settings.environmentConfig,
      output_dir: outputDir,
      tensor_parallel_size: workers,
      max_steps: steps,
      history_strategy: history,
      ...fields,
    };
    const taken = () =>
      new ServiceError(
        'conflict',
        `The name ${outputDir} is in use. Choose another output_dir, or delete that model first.`,
      );
    if (await this.#models.has(outputDir)) throw taken();
    const job = await this.#insert({
      kind: 'train',
      model_name: request.model_name,
      output_dir: outputDir,
      env_type: request.env_type,
      owner,
      total_steps: settings.steps,
      request: { ...asked, output_dir: outputDir, tensor_parallel_size: workers },
    });
    if (!job) throw taken();
    const untracked = whyNotTracked(requestedTracking(request), process.env);
    const notes = [
      `Training goes to ${outputDir}; GET /jobs/${job.id} tells how far it is.`,
      ...(workers < request.tensor_parallel_size
        ? [`tensor_parallel_size is ${workers}: more processes than cores or shards would not help.`]
        : []),
      ...(untracked === undefined ? [] : [untracked]),
    ];
    return { job: present(job), effective, message: notes.join(' ') };
  }

  async submitEvaluation(request: EvaluatePolicy, owner: string): Promise<Job> {
    const { password: _, async: __, ...asked } = request;
    const job = await this.#insert({
      kind: 'evaluate',
      model_name: request.model_path,
      output_dir: null,
      env_type: request.env_type,
      owner,
      total_steps: request.eval_episodes,
      request: asked,
    });
    return present(job!);
  }

  list({ status, limit }: { readonly status?: JobState | undefined; readonly limit: number }): Job[] {
    return this.#store.list(status, limit).map(present);
  }

  /** @throws ServiceError `not_found`, as all that take an id */
  get(id: string): Job {
    return present(this.#find(id));
  }

  counts(): { readonly queued: number; readonly running: number } {
    return { queued: this.#store.count('queued'), running: this.#store.count('running') };
  }

  isNameInUse(name: string): boolean {
    return this.#store.hasActive(name);
  }

  async metrics(id: string, after: number): Promise<JobMetrics> {
    const { output_dir: name } = this.#find(id);
    const lines = name === null ? [] : await new CurveReader(join(this.#models.folderOf(name), 'metrics.jsonl')).next();
    const of = (type: 'step' | 'evaluation') =>
      lines.filter((line) => line.type === type && line.step > after).map(({ data }) => data);
    return { job_id: id, steps: of('step'), evaluations: of('evaluation') };
  }

  logTail(id: string, lines: number): Promise<string> {
    return tailOf(join(this.#folder(this.#find(id).id), 'log.txt'), lines);
  }

  episodesFile(id: string): string {
    const { id: known, output_dir: name } = this.#find(id);
    return join(name === null ? this.#folder(known) : this.#models.folderOf(name), 'episodes.jsonl');
  }

  /** The events after number `after`, the ones to come included, until the job has ended. */
  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    let last = after;
    for (;;) {
      // Listened for before looking, so that nothing falls between.
      const stop = new AbortController();
      const news = once(this.#news, id, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => {});
      const page = this.#store.events(id, last, PAGE);
      const ended = page.length < PAGE && isEnd(this.#find(id).status);
      for (const event of page) {
        if (signal.aborted) return;
        last = event.seq;
        yield event;
      }
      if (ended || signal.aborted || this.#stopped) {
        stop.abort();
        return;
      }
      if (page.length === 0) await news;
      stop.abort();
    }
  }

  /** Ends a job, after it has saved. @throws ServiceError `conflict` where it has ended */
  async cancel(id: string): Promise<Job> {
    const job = this.#find(id);
    if (isEnd(job.status)) throw new ServiceError('conflict', `The job has ended already: it is ${job.status}.`);
    return present(this.#supervisor.cancel(job));
  }

  /** Puts a job that failed or was cancelled back into the queue. @throws ServiceError `conflict` */
  async resume(id: string): Promise<Job> {
    const job = this.#find(id);
    if (job.status !== 'failed' && job.status !== 'cancelled')
      throw new ServiceError(
        'conflict',
        `Only a job that failed or was cancelled can be resumed; this one is ${job.status}.`,
      );
    const resumed = this.#supervisor.requeue(job);
    if (!resumed) throw new ServiceError('conflict', `Another job works on ${job.output_dir} now.`);
    return present(resumed);
  }

  /** Lets processes save and end. Their jobs go on when a server is started again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    for (const id of this.#news.eventNames()) this.#news.emit(id);
    this.#store.close();
    this.#lock.release();
  }

  async #insert(
    given: Pick<StoredJob, 'kind' | 'model_name' | 'output_dir' | 'env_type' | 'owner' | 'total_steps' | 'request'>,
  ): Promise<StoredJob | undefined> {
    if (this.#stopped) throw new ServiceError('unavailable', 'The server is shutting down.', { retryAfter: 10 });
    const job: StoredJob = {
      ...given,
      id: `${given.kind}-${crypto.randomUUID().slice(0, 13)}`,
      status: 'queued',
      created_at: new Date().toISOString(),
      started_at: null,
      ended_at: null,
      heartbeat_at: null,
      attempts: 0,
      step: 0,
      seconds_left: null,
      latest: null,
      reason: null,
      result: null,
      cancelling: false,
      strikes: 0,
      ranMs: 0,
      evaluatedStep: 0,
    };
    await mkdir(this.#folder(job.id), { recursive: true });
    if (!this.#store.insert(job)) return undefined;
    this.#supervisor.accept(job);
    return job;
  }

  #find(id: string): StoredJob {
    const job = this.#store.get(id);
    if (!job) throw new ServiceError('not_found', 'There is no such job. GET /jobs lists them.');
    return job;
  }

  #folder(id: string): string {
    return join(this.#options.dataFolder, 'jobs', id);
  }
}

function present({ id, cancelling: _, strikes: __, ranMs: ___, evaluatedStep: ____, ...job }: StoredJob): Job {
  return { job_id: id, ...job };
}
