// Jobs as clients know them: accepted once and for all, looked at, followed, ended. `Supervisor` makes them happen.

import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type Choice,
  type ModelTraits,
  modelTraits,
  type TrainSettings,
  trainingFields,
  traitsOfName,
} from '@ludic/grpo';
import { awaitLock, type FileLock } from '@ludic/io/node';
import { type EvaluatePolicy, isEnd, type Job, type JobState, ServiceError, type StartTraining } from '@ludic/service';
import { completeTraining, modelName } from '@ludic/service/internal';
import { whyNotTracked } from '@ludic/tracking/node';
import { type ModelSource, rememberedName } from '../models/model-source.ts';
import { ModelStore } from '../models/model-store.ts';
import { assertAdaptable, assertAvailable, openFiles } from '../models/open-model.ts';
import { forClients, lineForClients } from '../wording.ts';
import { JobStore, type NewEvent, type StoredEvent, type StoredJob, storeFault } from './job-store.ts';
import { KeptCurves, metricsJson, NO_CURVE } from './kept-curves.ts';
import { tailOf } from './log-file.ts';
import type { JobsOptions } from './options.ts';
import { databasePlace, jobPlaces, serverLockPlace } from './places.ts';
import { Supervisor } from './supervisor.ts';
import { requestedTracking } from './tracking.ts';

/** Events that are read at once, for whoever follows a job. */
const PAGE = 500;
/** How long to wait for a server that is ending. */
const TAKEOVER_MS = 2000;

const DEFAULTS: Required<Omit<JobsOptions, 'dataFolder' | 'device' | 'threads' | 'maxConcurrent' | 'timeoutMs'>> = {
  graceMs: 120_000,
  backoffMs: [1000, 5000],
  silenceMs: 30 * 60_000,
  orphanMs: 10 * 60_000,
  maxQueued: 1000,
  limitsOf: () => undefined,
  cores: availableParallelism(),
  onFault: (error) => void process.stderr.write(`jobs: ${(error as Error).stack ?? String(error)}\n`),
};

/** @throws ServiceError `unavailable` where another server uses the folder, or its list of jobs is damaged */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { dataFolder } = options;
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
  readonly #options: JobsOptions & typeof DEFAULTS;
  readonly #store: JobStore;
  readonly #models: ModelStore;
  readonly #lock: FileLock;
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #supervisor: Supervisor;
  readonly #curves = new KeptCurves();
  #stopped: Promise<void> | undefined;

  constructor(options: JobsOptions, store: JobStore, models: ModelStore, lock: FileLock) {
    this.#options = { ...DEFAULTS, ...options };
    this.#store = store;
    this.#models = models;
    this.#lock = lock;
    this.#supervisor = new Supervisor({
      ...this.#options,
      store,
      models,
      describe,
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
  ): Promise<{ job: Job; effective: Readonly<Record<string, unknown>>; chosen: Choice[]; message: string }> {
    this.#assertRoom(owner);
    const outputDir = modelName(request.output_dir)!;
    // Fails here and not in the job where the model cannot be had.
    const source = await this.#models.lookUp(request.model_name);
    await assertAvailable(source);
    const traits = await traitsOf(source);
    const { request: complete, settings, choices } = completeTraining(request, traits);
    await assertAdaptable(source, settings.lora);
    const { password: _, ...asked } = complete;
    const workers = Math.min(request.tensor_parallel_size, this.#options.cores, settings.shards);
    const { steps, history, ...fields } = trainingFields(settings);
    const effective = {
      ...(request.recipe !== undefined && { recipe: request.recipe }),
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
    // From here to the insertion nothing else happens in this process, and no other process makes names.
    if (existsSync(this.#models.folderOf(outputDir))) throw taken();
    const job = this.#insert({
      kind: 'train',
      model_name: request.model_name,
      output_dir: outputDir,
      env_type: request.env_type,
      owner,
      total_steps: settings.steps,
      request: {
        ...asked,
        model_name: rememberedName(source, request.model_name),
        output_dir: outputDir,
        tensor_parallel_size: workers,
      },
    });
    if (!job) throw taken();
    const untracked = whyNotTracked(requestedTracking(request), process.env);
    const notes = [
      `Training goes to ${outputDir}; GET /jobs/${job.id} tells how far it is.`,
      ...(workers < request.tensor_parallel_size
        ? [`tensor_parallel_size is ${workers}: more processes than cores or shards would not help.`]
        : []),
      ...(untracked === undefined ? [] : [untracked]),
      ...(request.recipe === undefined ? [withoutRecipe(settings, traits)] : []),
    ];
    return { job: present(job), effective, chosen: [...choices], message: notes.join(' ') };
  }

  async submitEvaluation(request: EvaluatePolicy, owner: string): Promise<Job> {
    const { password: _, async: __, ...asked } = request;
    this.#assertRoom(owner);
    const source = await this.#models.lookUp(request.model_path);
    if (source.from === 'hub') await assertAvailable(source);
    const job = this.#insert({
      kind: 'evaluate',
      model_name: request.model_path,
      output_dir: null,
      env_type: request.env_type,
      owner,
      total_steps: request.eval_episodes,
      request: { ...asked, model_path: rememberedName(source, request.model_path) },
    });
    return present(job!);
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

  /** Who trained the model of that name last; undefined where no job did. */
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

  /** Process of a job while it runs, for whoever watches the machine. */
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
    if (!resumed)
      throw new ServiceError('conflict', `A later job has the name ${job.output_dir} now. Start a new one.`);
    return present(resumed);
  }

  /** Asks processes to save and end, while requests are still answered. `stop` waits for them. */
  beginStop(): void {
    this.#supervisor.endAll();
  }

  /** Lets processes save and end. Their jobs go on when a server is started again. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    // Whoever follows a job is let go at once.
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
  #insert(
    given: Pick<StoredJob, 'kind' | 'model_name' | 'output_dir' | 'env_type' | 'owner' | 'total_steps' | 'request'>,
  ): StoredJob | undefined {
    this.#assertOpen();
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
      stopping: false,
      strikes: 0,
      strikeCheckpoint: -1,
      ranMs: 0,
      evaluatedStep: 0,
    };
    try {
      if (!this.#store.insert(job, describe)) return undefined;
    } catch (error) {
      throw storeFault(error);
    }
    this.#supervisor.pump();
    return job;
  }

  #find(id: string): StoredJob {
    this.#assertOpen();
    const job = this.#store.get(id);
    if (!job) throw new ServiceError('not_found', 'There is no such job. GET /jobs lists them.');
    return job;
  }

  #placed(job: StoredJob): Job {
    return { ...present(job), queue_place: job.status === 'queued' ? this.#store.queuePlace(job.id) : null };
  }

  /** The name of a job's model, unless another owner has it by now. */
  #modelOf({ output_dir: name, owner }: StoredJob): string | null {
    return name !== null && this.#store.ownerOf(name) === owner ? name : null;
  }

  #places(id: string) {
    return jobPlaces(this.#options.dataFolder, id);
  }
}

/** What matters of a model for its training. What is still at the Hub has to be judged by its name. */
async function traitsOf(source: ModelSource): Promise<ModelTraits> {
  if (source.from === 'hub') return traitsOfName(source.reference);
  try {
    return await modelTraits(await openFiles(source));
  } catch {
    // The job tries again and says what is wrong.
    return traitsOfName(source.model.name);
  }
}

/** What may be expected of the contract's defaults. */
function withoutRecipe({ learningRate, batchSize, loss }: TrainSettings, { kind, parameters }: ModelTraits): string {
  const small = kind === 'nano' || parameters < 20_000_000;
  const reasons = [
    ...(small && learningRate < 1e-4
      ? [`a model of this size hardly learns at a learning rate of ${learningRate}`]
      : []),
    ...(batchSize < 128 ? [`${batchSize} games an update are mostly luck`] : []),
    ...(loss.beta === 0 ? ['without a beta invalid replies may take over'] : []),
  ];
  if (reasons.length === 0) return 'No recipe was asked for; "recipe": "auto" chooses settings that are not sent.';
  return `What to expect without a recipe: ${reasons.join('; ')}. "recipe": "auto" chooses settings that train well.`;
}

function present({
  id,
  cancelling: _,
  stopping: __,
  strikes: ___,
  strikeCheckpoint: ____,
  ranMs: _____,
  evaluatedStep: ______,
  reason,
  ...job
}: StoredJob): Job {
  return { job_id: id, ...job, reason: reason === null ? null : forClients(reason) };
}

const describe = (job: StoredJob): NewEvent => ({ type: 'job', data: present(job) });
