// Models in processes of their own: each is loaded when it is asked for, answers all who ask at once, is dropped when nobody
// does, and when its process dies neither the server nor the others notice.

import { totalmem } from 'node:os';
import type { Device } from '@ludic/runtime';
import type { ModelSource } from '../models/model-source.ts';
import { InferenceError } from './errors.ts';
import { modelKey, storeKey } from './model-key.ts';
import { ModelSeat, type Request, type SeatEvent } from './model-seat.ts';
import type {
  ChatAnswer,
  ChatDelta,
  ChatTask,
  Counters,
  Evaluated,
  EvaluationTask,
  FromWorker,
  PlayedEpisode,
  RolloutTask,
  Task,
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
  readonly log?: (event: SeatEvent) => void;
  /** Milliseconds of a steady clock. */
  readonly now?: () => number;
}

export const IDLE_TIMEOUT_MS = 300_000;
export const MAX_CONCURRENT_REQUESTS = 10;
export const MAX_MODELS = 4;
/** A single run of a large network takes long, and no sign comes meanwhile. */
export const SILENCE_MS = 300_000;
export const GRACE_MS = 5000;

/** Half of what this process and its like may have; the rest is for computing, for jobs and for the server. */
export function memoryShare(): number {
  const limit = process.constrainedMemory();
  return (limit > 0 ? Math.min(limit, totalmem()) : totalmem()) / 2;
}

interface Waiting {
  /** Once it is aborted the work stops, and the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface PoolStatus {
  /** Models that have a process. */
  readonly models: number;
  /** Requests that are worked on. */
  readonly requests: number;
  readonly processes: readonly {
    readonly model: string;
    readonly pid: number | undefined;
    readonly requests: number;
    readonly counters: Counters;
  }[];
}

export class InferencePool {
  readonly #options: PoolOptions;
  readonly #limit: number;
  readonly #maxModels: number;
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** The newest version of each model, by name. */
  readonly #seats = new Map<string, ModelSeat>();
  /** Earlier versions, and models that are gone, that still have requests. */
  readonly #outdated = new Set<ModelSeat>();
  readonly #timers = new Map<ModelSeat, NodeJS.Timeout>();
  readonly #watch: NodeJS.Timeout;
  #active = 0;
  #nextId = 1;
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
        for (const seat of this.#all()) seat.endIfSilent(silence);
      },
      Math.min(5000, silence / 2),
    ).unref();
  }

  get status(): PoolStatus {
    const seats = this.#all().filter((seat) => seat.process);
    return {
      models: seats.length,
      requests: this.#active,
      processes: seats.map(({ key, process, requests }) => ({
        model: key.name,
        pid: process!.pid,
        requests: requests.size,
        counters: process!.counters,
      })),
    };
  }

  /**
   * Plays many games.
   * @param onPlayed hears how many have ended; less than before where a process died and the work began again
   * @throws InferenceError; EnvironmentError, ModelError, HubError, PolicyError, RuntimeError by name and code
   */
  async evaluate(
    source: ModelSource,
    task: EvaluationTask,
    { signal, onPlayed }: Waiting & { readonly onPlayed?: (played: number) => void } = {},
  ): Promise<Evaluated> {
    let episodes: PlayedEpisode[] = [];
    let result: Evaluated | undefined;
    const hear = (message: FromWorker) => {
      if (message.type === 'episode') episodes.push(message.episode);
      if (message.type === 'played') onPlayed?.(message.played);
      if (message.type === 'evaluated') result = { evaluation: message.evaluation, episodes };
    };
    const again = () => {
      episodes = [];
      onPlayed?.(0);
    };
    await this.#request(source, { kind: 'evaluate', ...task }, hear, again, signal);
    return result!;
  }

  /** Plays one game. @throws as {@link evaluate} */
  async rollout(source: ModelSource, task: RolloutTask, { signal }: Waiting = {}): Promise<PlayedEpisode> {
    let episode: PlayedEpisode | undefined;
    const hear = (message: FromWorker) => {
      if (message.type === 'rolled_out') episode = message.episode;
    };
    await this.#request(source, { kind: 'rollout', ...task }, hear, () => {}, signal);
    return episode!;
  }

  /**
   * Answers a conversation. A request of which a part was shown is not worked on again when its process dies.
   * @param onDelta hears the text as it is written, where the task asks for that
   * @throws as {@link evaluate}
   */
  async chat(
    source: ModelSource,
    task: ChatTask,
    { signal, onDelta }: Waiting & { readonly onDelta?: (delta: ChatDelta) => void } = {},
  ): Promise<ChatAnswer> {
    let answer: ChatAnswer | undefined;
    const hear = (message: FromWorker) => {
      if (message.type === 'delta') onDelta?.(message.delta);
      if (message.type === 'chatted') answer = message.answer;
    };
    await this.#request(source, { kind: 'chat', ...task }, hear, () => {}, signal);
    return answer!;
  }

  /** A model of the server is gone: its process ends with the last request that it works on, at once where it has none. */
  forget(name: string): void {
    const seat = this.#seats.get(storeKey(name));
    if (seat) this.#outdate(seat);
  }

  /** Ends all processes; requests under way reject with `closed`. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.graceMs ?? GRACE_MS);
    });
    const error = new InferenceError('closed', 'The server is shutting down. Try again when it is back.');
    await Promise.all(this.#all().map((seat) => seat.close(patience, error)));
    clearTimeout(timer);
  }

  async #request(
    source: ModelSource,
    task: Task,
    onMessage: Request['onMessage'],
    onRetry: () => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#active >= this.#limit)
      throw busy(`${this.#limit} requests are worked on already, as many as may be at once.`);
    this.#active++;
    let begun = false;
    try {
      const key = await modelKey(source);
      signal?.throwIfAborted();
      if (this.#closed) throw new InferenceError('closed', 'The server is shutting down. Try again when it is back.');
      const seat = this.#seatOf(source, key);
      this.#assertRoom(seat);
      begun = true;
      await this.#ask(seat, task, onMessage, onRetry, signal);
    } finally {
      // What has begun counts until its process has let go of it, whoever has stopped waiting.
      if (!begun) this.#active--;
    }
  }

  #ask(
    seat: ModelSeat,
    task: Task,
    onMessage: Request['onMessage'],
    onRetry: () => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const request: Request = {
        id: this.#nextId++,
        task,
        onMessage: (message) => !request.cancelled && onMessage(message),
        onRetry,
        onEnd: (error) => {
          this.#active--;
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          if (error) reject(error);
          else resolve();
        },
        tries: 0,
        shown: false,
        cancelled: false,
      };
      const giveUp = (reason: unknown) => {
        clearTimeout(timer);
        seat.cancel(request);
        reject(reason);
      };
      const abort = () => giveUp(signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      const { requestTimeoutMs = 0 } = this.#options;
      // Longer than a timer can wait, it has no end.
      if (requestTimeoutMs > 0 && requestTimeoutMs < 2 ** 31)
        timer = setTimeout(() => giveUp(timedOut(task.kind, requestTimeoutMs, seat.isOpen)), requestTimeoutMs).unref();
      this.#stopTimer(seat);
      seat.ask(request);
    });
  }

  #seatOf(source: ModelSource, key: Awaited<ReturnType<typeof modelKey>>): ModelSeat {
    const present = this.#seats.get(key.name);
    if (present?.key.version === key.version) return present;
    if (present) this.#outdate(present);
    const { device = 'cpu', threads, log = () => {} } = this.#options;
    const seat: ModelSeat = new ModelSeat({
      key,
      source,
      device,
      threads,
      now: this.#now,
      log,
      onWeighed: () => this.#weighed(seat),
      onIdle: () => this.#idle(seat),
    });
    this.#seats.set(key.name, seat);
    return seat;
  }

  /** Nobody will ask for it any more. */
  #outdate(seat: ModelSeat): void {
    this.#seats.delete(seat.key.name);
    this.#stopTimer(seat);
    if (seat.busy) this.#outdated.add(seat);
    else seat.release();
  }

  #idle(seat: ModelSeat): void {
    if (this.#closed) return;
    if (this.#outdated.delete(seat)) {
      seat.release();
      return;
    }
    this.#stopTimer(seat);
    const timer = setTimeout(() => this.#drop(seat), this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS);
    this.#timers.set(seat, timer.unref());
  }

  #drop(seat: ModelSeat): void {
    this.#stopTimer(seat);
    if (this.#seats.get(seat.key.name) === seat) this.#seats.delete(seat.key.name);
    seat.release();
  }

  #assertRoom(seat: ModelSeat): void {
    try {
      seat.assertUsable();
      if (!seat.process) this.#makeRoom(seat);
    } catch (error) {
      if (!seat.busy && !this.#timers.has(seat)) this.#idle(seat);
      throw error;
    }
  }

  /** What a model takes is known for certain before its weights are read, and what one of the Hub takes only now. */
  #weighed(seat: ModelSeat): void {
    try {
      this.#makeRoom(seat);
      seat.admit();
    } catch (error) {
      seat.refuse(error as Error);
    }
  }

  /** Drops other models, the one first that was used longest ago, until this one fits. */
  #makeRoom(wanted: ModelSeat): void {
    for (;;) {
      const loaded = this.#all().filter((seat) => seat.process && seat !== wanted);
      const bytes = loaded.reduce((sum, seat) => sum + seat.bytes, wanted.bytes);
      if (loaded.length < this.#maxModels && bytes <= this.#maxBytes) return;
      if (loaded.length === 0) throw tooLarge(wanted.bytes, this.#maxBytes);
      const [oldest] = loaded.filter((seat) => !seat.busy).sort((one, other) => one.lastUsed - other.lastUsed);
      if (!oldest) throw busy(`${loaded.length} models are in use, and there is no room for one more.`);
      oldest.release();
    }
  }

  #stopTimer(seat: ModelSeat): void {
    clearTimeout(this.#timers.get(seat));
    this.#timers.delete(seat);
  }

  #all(): ModelSeat[] {
    return [...this.#seats.values(), ...this.#outdated];
  }
}

const busy = (why: string) => new InferenceError('busy', `${why} Try again in a moment.`, 1);

const LESS: Readonly<Record<Task['kind'], string>> = {
  evaluate:
    'Set async to true, which answers at once with a job that takes as long as it needs; or ask for fewer eval_episodes or max_steps.',
  rollout: 'Ask for fewer max_steps, or play the game as an evaluation with async: true.',
  chat: 'Ask for fewer max_tokens or replies.',
};

/** @param isOpen whether the model was there to begin with the work */
function timedOut(kind: Task['kind'], limitMs: number, isOpen: boolean): InferenceError {
  const what = { evaluate: 'The games', rollout: 'The game', chat: 'The reply' }[kind];
  const limit = `the ${limitMs / 1000} s that an answer may take here`;
  const message = isOpen
    ? `${what} took longer than ${limit}, and nothing of it is kept. ${LESS[kind]}`
    : `Opening the model takes longer than ${limit}. It goes on, as does fetching one of the Hub: ask again later.`;
  return new InferenceError('timed_out', message);
}

function tooLarge(bytes: number, most: number): InferenceError {
  const mib = (size: number) => `${Math.ceil(size / 2 ** 20)} MiB`;
  const message = `The weights of this model take ${mib(bytes)}, and this server has ${mib(most)} for models. Choose a smaller one.`;
  return new InferenceError('too_large', message);
}
