// Models in processes of their own: each is loaded with the first request for it, answers all requests at once, and is
// dropped when no more come. The death of its process disturbs neither the server nor the other models.

import { totalmem } from 'node:os';
import type { ChatAnswer, ChatTask, ChoiceDelta } from '@ludic/chat';
import type { TypedRequest } from '@ludic/io';
import type { Episode, Evaluation } from '@ludic/rollouts';
import type { Device } from '@ludic/runtime';
import { type ModelKey, type ModelOrigin, modelKey, storeKey } from '../models/model-source.ts';
import type { JobHooks, RequestHooks } from './active-request.ts';
import { InferenceError } from './errors.ts';
import { LoadedModel, type ModelEvent, type ModelStatus } from './loaded-model.ts';
import type {
  Evaluated,
  EvaluationPart,
  EvaluationTask,
  InferenceCalls,
  InferenceType,
  RolloutTask,
} from './protocol.ts';

export interface PoolOptions {
  /** Default: the CPU. */
  readonly device?: Device | 'auto';
  /** Threads of each process on the CPU. Default: one per core. */
  readonly threads?: number;
  /** How long a model stays without requests. Default: {@link IDLE_TIMEOUT_MS}. */
  readonly idleTimeoutMs?: number;
  /** Default: {@link MAX_CONCURRENT_REQUESTS}. One more is `busy`. */
  readonly maxConcurrentRequests?: number;
  /** Models in memory at once. Default: {@link MAX_MODELS}. */
  readonly maxModels?: number;
  /** Bytes that the weights of all models may take together, about. Default: {@link memoryShare}. */
  readonly maxBytes?: number;
  /** A request that takes longer is given up. Default: as long as it takes. */
  readonly requestTimeoutMs?: number;
  /** A process that has requests and gives no sign for so long is ended. Default: {@link SILENCE_MS}. */
  readonly silenceMs?: number;
  /** How long processes have to end when the pool is closed. Default: {@link GRACE_MS}. */
  readonly graceMs?: number;
  readonly log?: (event: ModelEvent) => void;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

const IDLE_TIMEOUT_MS = 300_000;
const MAX_CONCURRENT_REQUESTS = 10;
const MAX_MODELS = 4;
/** A single run of a large network takes long, and no sign comes meanwhile. */
const SILENCE_MS = 300_000;
const GRACE_MS = 5000;

/** So long no job begins after a request was refused for want of the room that jobs take. */
const REQUESTS_FIRST_MS = 10_000;

/** Half of what this process and its like may have; the rest is for computing, for jobs and for the server. */
function memoryShare(): number {
  const limit = process.constrainedMemory();
  return (limit > 0 ? Math.min(limit, totalmem()) : totalmem()) / 2;
}

interface Cancellable {
  /** Once it is aborted the work stops, and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

interface PoolStatus {
  /** Models that have a process. */
  readonly models: number;
  /** Requests that are worked on; jobs do not count. */
  readonly requests: number;
  readonly processes: readonly ModelStatus[];
}

export class InferencePool {
  readonly #options: PoolOptions;
  readonly #limit: number;
  readonly #maxModels: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** All versions that may have requests or a process. */
  readonly #models = new Set<LoadedModel>();
  /** The newest version of each model, by name. */
  readonly #newest = new Map<string, LoadedModel>();
  readonly #watch: NodeJS.Timeout;
  #active = 0;
  /** When a request was last refused for want of the room that jobs take, by the pool's clock. */
  #refusedForJobs = Number.NEGATIVE_INFINITY;
  #closed: Promise<void> | undefined;

  constructor(options: PoolOptions = {}) {
    this.#options = options;
    this.#limit = options.maxConcurrentRequests ?? MAX_CONCURRENT_REQUESTS;
    this.#maxModels = options.maxModels ?? MAX_MODELS;
    this.#maxBytes = options.maxBytes ?? memoryShare();
    this.#now = options.now ?? (() => performance.now());
    const silence = options.silenceMs ?? SILENCE_MS;
    this.#watch = setInterval(
      () => {
        for (const model of this.#models) model.endIfSilent(silence);
      },
      Math.min(5000, silence / 2),
    ).unref();
  }

  get status(): PoolStatus {
    const processes = [...this.#models].flatMap(({ status }) => status ?? []);
    return { models: processes.length, requests: this.#active, processes };
  }

  /**
   * Plays many games.
   * @param onPlayed hears how many have ended; less than before where a process died and the work began again
   * @throws InferenceError; EnvironmentError, ModelError, HubError, PolicyError, RuntimeError by name and code
   */
  async evaluate(
    source: ModelOrigin,
    task: Omit<EvaluationTask, 'background'>,
    { signal, onPlayed }: Cancellable & { readonly onPlayed?: (played: number) => void } = {},
  ): Promise<Evaluated> {
    let games: string[] = [];
    const evaluation = await this.#run<'evaluate'>(
      source,
      { type: 'evaluate', ...task, background: false },
      {
        signal,
        onPart(part) {
          if (part.type === 'played') onPlayed?.(part.games);
          else if (part.type === 'game') games.push(part.json);
        },
        onRetry() {
          games = [];
          onPlayed?.(0);
        },
      },
    );
    return { evaluation, games };
  }

  /**
   * Plays many games for a job: behind requests, outside their limits of number and time, and in one process, since a job
   * begins again by its own rules.
   * @throws as {@link evaluate}; `busy` also while requests wait for room; ModelDeath where the process ends
   */
  evaluateForJob(
    source: ModelOrigin,
    task: Omit<EvaluationTask, 'background'>,
    hooks: JobHooks & { readonly signal: AbortSignal; readonly onPart: (part: EvaluationPart) => void },
  ): Promise<Evaluation> {
    const { signal, onPart } = hooks;
    return this.#run<'evaluate'>(
      source,
      { type: 'evaluate', ...task, background: true },
      { signal, onPart, job: hooks },
    );
  }

  /** Plays one game. @throws as {@link evaluate} */
  async rollout(source: ModelOrigin, task: RolloutTask, { signal }: Cancellable = {}): Promise<Episode> {
    return this.#run<'rollout'>(source, { type: 'rollout', ...task }, { signal });
  }

  /**
   * Answers a conversation. A request of which a part was shown is not worked on again when its process dies.
   * @param onDelta hears the text as it is written, where the task asks for that
   * @throws as {@link evaluate}
   */
  async chat(
    source: ModelOrigin,
    task: ChatTask,
    { signal, onDelta }: Cancellable & { readonly onDelta?: (delta: ChoiceDelta) => void } = {},
  ): Promise<ChatAnswer> {
    return this.#run<'chat'>(source, { type: 'chat', ...task }, { signal, onPart: onDelta });
  }

  /** A model of the server is gone: its process ends with the last request that it works on, at once where it has none. */
  forget(name: string): void {
    this.#newest.get(storeKey(name))?.outdate();
    this.#newest.delete(storeKey(name));
  }

  /** Ends all processes; requests under way reject with `closed`. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.graceMs ?? GRACE_MS);
    });
    await Promise.all([...this.#models].map((model) => model.close(grace, closed())));
    clearTimeout(timer);
  }

  async #run<Type extends InferenceType>(
    source: ModelOrigin,
    task: TypedRequest<InferenceCalls, Type>,
    hooks: Omit<RequestHooks<InferenceCalls[Type]['part']>, 'onEnd'>,
  ): Promise<InferenceCalls[Type]['answer']> {
    const { signal, job } = hooks;
    signal?.throwIfAborted();
    if (!job && this.#active >= this.#limit)
      throw busy(`${this.#limit} requests are worked on already, as many as may be at once.`);
    const counted = job ? 0 : 1;
    this.#active += counted;
    const release = () => {
      this.#active -= counted;
    };
    let running: Promise<InferenceCalls[Type]['answer']>;
    try {
      const key = await modelKey(source);
      signal?.throwIfAborted();
      if (this.#closed) throw closed();
      if (job) this.#assertRoomForJob(key);
      // What has begun counts until its process has let go of it, also where the client has stopped waiting.
      running = this.#modelOf(source, key).run(task, { ...hooks, onEnd: release });
    } catch (error) {
      release();
      throw error;
    }
    return running;
  }

  #modelOf(source: ModelOrigin, key: ModelKey): LoadedModel {
    const present = this.#newest.get(key.name);
    if (present?.key.version === key.version) return present;
    present?.outdate();
    const { device = 'cpu', threads, requestTimeoutMs = 0, idleTimeoutMs = IDLE_TIMEOUT_MS } = this.#options;
    const model = new LoadedModel({
      key,
      source,
      device,
      threads,
      requestTimeoutMs,
      idleTimeoutMs,
      now: this.#now,
      log: this.#options.log ?? (() => {}),
      makeRoom: (wanted, forJob) => this.#makeRoom(wanted, forJob),
      onUnused: (unused) => {
        this.#models.delete(unused);
        if (this.#newest.get(key.name) === unused) this.#newest.delete(key.name);
      },
    });
    this.#models.add(model);
    this.#newest.set(key.name, model);
    return model;
  }

  /** Room for requests comes first, and a place for the model of one is always left. @throws InferenceError `busy` */
  #assertRoomForJob({ name }: ModelKey): void {
    if (this.#now() - this.#refusedForJobs < REQUESTS_FIRST_MS)
      throw busy('Requests wait for the room that jobs take.');
    const others = [...this.#models].filter((model) => model.hasJobs && model.key.name !== name);
    if (others.length >= Math.max(1, this.#maxModels - 1))
      throw busy(`Jobs play with ${others.length} models, as many as they may.`);
  }

  /** Drops other models, the one first that was used longest ago, until this one fits. */
  #makeRoom(wanted: LoadedModel, forJob: boolean): void {
    if (wanted.bytes > this.#maxBytes) throw tooLarge(wanted.bytes, this.#maxBytes);
    for (;;) {
      const loaded = [...this.#models].filter((model) => model.hasProcess && model !== wanted);
      const bytes = loaded.reduce((sum, model) => sum + model.bytes, wanted.bytes);
      if (loaded.length < this.#maxModels && bytes <= this.#maxBytes) return;
      const [oldest] = loaded.filter(({ isBusy }) => !isBusy).sort((one, other) => one.lastUsed - other.lastUsed);
      if (!oldest) {
        if (!forJob && loaded.some(({ hasJobs }) => hasJobs)) this.#refusedForJobs = this.#now();
        throw busy(`${loaded.length} models are in use, and there is no room for one more.`);
      }
      oldest.release();
    }
  }
}

const busy = (why: string) => new InferenceError('busy', `${why} Try again in a moment.`, 1);

const closed = () => new InferenceError('closed', 'The server is shutting down. Try again when it is back.');

function tooLarge(bytes: number, most: number): InferenceError {
  const mib = (size: number) => `${Math.ceil(size / 2 ** 20)} MiB`;
  const message = `The weights of this model take ${mib(bytes)}, and this server has ${mib(most)} for models. Choose a smaller one.`;
  return new InferenceError('too_large', message);
}
