// Jobs as clients know them: accepted, looked at, followed, ended. The supervisor runs them.

import { EventEmitter } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { awaitLock, type FileLock } from '@ludic/io/node';
import { type EvaluatePolicy, isEnd, type Job, type JobState, ServiceError, type StartTraining } from '@ludic/service';
import { modelName } from '@ludic/service/internal';
import { ModelStore } from '../models/model-store.ts';
import { lineForClients } from '../wording.ts';
import { AGENT, type AgentTasks, acceptAgents, writeTasks } from './agent-tasks.ts';
import { CurveCache, metricsJson, NO_CURVE } from './curve/curve-cache.ts';
import { jobEvent, noSuchJob, viewOf } from './job-view.ts';
import { tailOf } from './log-file.ts';
import { type CompleteJobsOptions, DEFAULT_JOBS_OPTIONS, type JobsOptions } from './options.ts';
import { databasePlace, jobPlaces, serverLockPlace } from './places.ts';
import type { LentRollout, RolloutAnswer, RolloutRequestMessage } from './process/messages.ts';
import { JobStore, type StoredEvent, type StoredJob, storeFault } from './store/job-store.ts';
import { type NewJob, type NewTraining, newEvaluation, newTraining } from './submission.ts';
import { Supervisor } from './supervisor.ts';

/** Events that are read at once for a client that follows a job. */
const PAGE = 500;
/** Pause before a process is asked again that has ended, and whose end is still to be taken up. */
const RETRY_MS = 100;
/** How long to wait for an earlier server that is ending. */
const TAKEOVER_MS = 2000;

/** @throws ServiceError `unavailable` where another server uses the folder, or its list of jobs is damaged */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { dataFolder } = options;
  acceptAgents();
  await mkdir(join(dataFolder, 'jobs'), { recursive: true });
  const lock = await awaitLock(serverLockPlace(dataFolder), TAKEOVER_MS);
  if (!lock)
    throw new ServiceError('unavailable', `Another server uses ${dataFolder}. Stop it, or choose another --data.`);
  let store: JobStore | undefined;
  try {
    store = JobStore.open(databasePlace(dataFolder));
    const jobs = new Jobs(options, store, await ModelStore.open(dataFolder), lock);
    await jobs.begin();
    return jobs;
  } catch (error) {
    store?.close();
    lock.release();
    throw error;
  }
}

export class Jobs {
  readonly #options: CompleteJobsOptions;
  readonly #store: JobStore;
  readonly #models: ModelStore;
  readonly #lock: FileLock;
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #supervisor: Supervisor;
  readonly #curves = new CurveCache();
  #stopped: Promise<void> | undefined;

  constructor(options: JobsOptions, store: JobStore, models: ModelStore, lock: FileLock) {
    this.#options = { ...DEFAULT_JOBS_OPTIONS, ...options };
    this.#store = store;
    this.#models = models;
    this.#lock = lock;
    this.#supervisor = new Supervisor({
      ...this.#options,
      store,
      models,
      onNews: (id) => this.#news.emit(id),
    });
  }

  /** Takes up what an earlier server left. */
  begin(): Promise<void> {
    return this.#supervisor.begin();
  }

  /** @throws ServiceError `conflict` where the name is in use; what `newTraining` throws */
  async submitTraining(
    request: StartTraining,
    owner: string,
  ): Promise<Pick<NewTraining, 'effective' | 'chosen'> & { readonly job: Job; readonly message: string }> {
    this.#assertRoom(owner);
    const training = await newTraining(request, this.#models, this.#options.cores);
    const { job: wanted, tasks, effective, chosen, notes } = training;
    const { output_dir: outputDir } = wanted;
    // From here to the insertion nothing else happens in this process, and no other process makes names.
    const job = existsSync(this.#models.folderOf(outputDir)) ? undefined : this.#insert(wanted, owner, tasks);
    if (!job)
      throw new ServiceError(
        'conflict',
        `The name ${outputDir} is in use. Choose another output_dir, or delete that model first.`,
      );
    const started = `Training goes to ${outputDir}; GET /jobs/${job.id} tells how far it is.`;
    return { job: viewOf(job), effective, chosen, message: [started, ...notes].join(' ') };
  }

  /** @throws what `newEvaluation` throws */
  async submitEvaluation(request: EvaluatePolicy, owner: string): Promise<Job> {
    this.#assertRoom(owner);
    return viewOf(this.#insert(await newEvaluation(request, this.#models), owner)!);
  }

  /** @param owner only those of one */
  list({
    status,
    limit,
    owner,
  }: {
    readonly status?: JobState | undefined;
    readonly limit: number;
    readonly owner?: string;
  }): Job[] {
    return this.#store.list(status, limit, owner).map((job) => this.#placed(job));
  }

  /** The owner of the job that trained the model of that name last; undefined where no job did. */
  ownerOfModel(name: string): string | undefined {
    return this.#store.ownerOf(name);
  }

  /** @throws ServiceError `not_found`, as all that take an id */
  get(id: string): Job {
    return this.#placed(this.#find(id));
  }

  counts(): { readonly queued: number; readonly running: number } {
    return { queued: this.#store.count('queued'), running: this.#store.count('running') };
  }

  /** Whether a job that runs or waits writes a model of that name, or needs one. */
  isNameInUse(name: string): boolean {
    if (this.#store.hasActive(name)) return true;
    const active = [...this.#store.withStatus('running'), ...this.#store.withStatus('queued')];
    // A retry reads the start again while there is no checkpoint, and an evaluation its model.
    return active.some((job) => modelName(job.model_name) === name);
  }

  /** The contract's answer, in pieces of its JSON. @param after only steps after this one */
  async metrics(id: string, after: number): Promise<readonly Uint8Array[]> {
    const name = this.#modelOf(this.#find(id));
    const path = name === null ? undefined : join(this.#models.folderOf(name), 'metrics.jsonl');
    return metricsJson(id, path === undefined ? NO_CURVE : await this.#curves.read(path, after));
  }

  async logTail(id: string, lines: number): Promise<string> {
    const tail = await tailOf(this.#places(this.#find(id).id), lines);
    const told = tail.split('\n').flatMap((line) => lineForClients(line) ?? []);
    return told.join('\n');
  }

  episodesFile(id: string): string {
    const job = this.#find(id);
    const { id: known } = job;
    const name = this.#modelOf(job);
    return name === null ? this.#places(known).episodes : join(this.#models.folderOf(name), 'episodes.jsonl');
  }

  /**
   * The next rollout of an agent that trains; waits for one.
   * @returns undefined where none came for so long
   * @throws ServiceError `conflict` where the job has ended, or is of no agent
   */
  async nextRollout(id: string, waitMs: number, signal: AbortSignal): Promise<LentRollout | undefined> {
    const until = performance.now() + waitMs;
    const timed = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(waitMs))]);
    for (;;) {
      const { status, kind, env_type } = this.#find(id);
      if (kind !== 'train' || env_type !== AGENT)
        throw new ServiceError('conflict', 'Only a training with env_type agent hands out rollouts.');
      if (isEnd(status)) throw new ServiceError('conflict', `The job has ended: it is ${status}.`);
      const link = this.#supervisor.rolloutsOf(id);
      // Where its process ends meanwhile, the next one may have a rollout.
      const rollout = await link?.next(Math.max(0, until - performance.now()), timed).catch(() => undefined);
      if (rollout) return rollout;
      if (timed.aborted || performance.now() >= until) return undefined;
      await (link ? sleep(RETRY_MS) : this.#newsOf(id, timed));
    }
  }

  /**
   * Passes a request of an agent on to the process of its training.
   * @throws ServiceError `not_found` where there is none
   */
  async askRollout(id: string, request: RolloutRequestMessage, signal: AbortSignal): Promise<RolloutAnswer> {
    const link = this.#stopped ? undefined : this.#supervisor.rolloutsOf(id);
    if (!link) throw new ServiceError('not_found', 'This rollout is over, with the process of its training.');
    return link.ask(request, signal);
  }

  /** Process of a job while it runs, for tools that watch the machine. */
  pidOf(id: string): number | undefined {
    return this.#supervisor.pidOf(id);
  }

  /**
   * The events after number `after`, the ones to come included, until the job has ended or the server is stopped. Only a
   * page of them is in memory, however slow the reader is.
   */
  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    let last = after;
    while (!signal.aborted && !this.#stopped) {
      const page = this.#store.events(id, last, PAGE);
      if (page.length === 0) {
        if (isEnd(this.#find(id).status)) return;
        // Nothing falls between looking and listening: both happen at once.
        await this.#newsOf(id, signal);
        continue;
      }
      for (const event of page) {
        if (signal.aborted) return;
        last = event.seq;
        yield event;
      }
    }
  }

  /** Ends a job, after it has saved. @throws ServiceError `conflict` where it has ended */
  async cancel(id: string): Promise<Job> {
    const job = this.#find(id);
    if (isEnd(job.status)) throw new ServiceError('conflict', `The job has ended already: it is ${job.status}.`);
    return viewOf(this.#supervisor.cancel(job));
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
    if (!resumed)
      throw new ServiceError('conflict', `A later job has the name ${job.output_dir} now. Start a new one.`);
    return viewOf(resumed);
  }

  /** Asks processes to save and end, while requests are still answered. `stop` waits for them. */
  beginStop(): void {
    this.#supervisor.endAll();
  }

  /** Lets processes save and end. Their jobs go on when a server is started again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    // Streams of events end at once.
    for (const id of this.#news.eventNames()) this.#news.emit(id);
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    this.#store.close();
    this.#lock.release();
  }

  #newsOf(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const heard = () => {
        this.#news.off(id, heard);
        signal.removeEventListener('abort', heard);
        resolve();
      };
      this.#news.on(id, heard);
      signal.addEventListener('abort', heard);
    });
  }

  /** @throws ServiceError `unavailable`, `too_many_requests` */
  #assertRoom(owner: string): void {
    this.#assertOpen();
    const limit = this.#options.limitsOf(owner);
    const waiting = limit ? this.#store.list('queued', limit.queued, owner) : [];
    if (limit && waiting.length >= limit.queued) {
      const place = this.#store.queuePlace(waiting.at(-1)!.id);
      const message = `You have ${waiting.length} jobs waiting, the most that one name may have; the first is number ${place} in the queue. Try again when it runs.`;
      throw new ServiceError('too_many_requests', message, { retryAfter: 60 });
    }
    if (this.#store.count('queued') >= this.#options.maxQueued) {
      const message = `${this.#options.maxQueued} jobs are waiting already. Try again when some of them have ended.`;
      throw new ServiceError('too_many_requests', message, { retryAfter: 60 });
    }
  }

  #assertOpen(): void {
    if (this.#stopped) throw new ServiceError('unavailable', 'The server is shutting down.', { retryAfter: 10 });
  }

  /** @returns undefined where an active job has the same output_dir */
  #insert(wanted: NewJob, owner: string, tasks?: AgentTasks): StoredJob | undefined {
    this.#assertOpen();
    const job: StoredJob = {
      ...wanted,
      id: `${wanted.kind}-${crypto.randomUUID().slice(0, 13)}`,
      owner,
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
      stopping: false,
      consecutiveFailures: 0,
      failureCheckpoint: -1,
      ranMs: 0,
      evaluatedStep: 0,
    };
    try {
      // Before the job can be begun, also by a server after this one.
      if (tasks) writeTasks(this.#places(job.id), tasks);
      if (!this.#store.insert(job, jobEvent)) {
        if (tasks) rmSync(this.#places(job.id).folder, { recursive: true });
        return undefined;
      }
    } catch (error) {
      throw storeFault(error);
    }
    this.#supervisor.pump();
    return job;
  }

  #find(id: string): StoredJob {
    this.#assertOpen();
    const job = this.#store.get(id);
    if (!job) throw noSuchJob();
    return job;
  }

  #placed(job: StoredJob): Job {
    return { ...viewOf(job), queue_place: job.status === 'queued' ? this.#store.queuePlace(job.id) : null };
  }

  /** The name of a job's model, unless another owner has it by now. */
  #modelOf({ output_dir: name, owner }: StoredJob): string | null {
    return name !== null && this.#store.ownerOf(name) === owner ? name : null;
  }

  #places(id: string) {
    return jobPlaces(this.#options.dataFolder, id);
  }
}
