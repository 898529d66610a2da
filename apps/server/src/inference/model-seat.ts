// One version of one model in the pool: its process while it has one, the requests that it works on, and what is known of
// its failures. The pool decides when it is filled and emptied.

import { stuckGame } from '@ludic/environments';
import type { Device } from '@ludic/runtime';
import type { ModelSource } from '../models/model-source.ts';
import { InferenceError } from './errors.ts';
import { errorOf } from './failure.ts';
import type { ModelKey } from './model-key.ts';
import type { FromWorker, Task } from './protocol.ts';
import { WorkerProcess } from './worker-process.ts';

/** How often a request is worked on: once more after the death of a process. */
const TRIES = 2;
/** How long it is remembered that a model does not open. */
const UNUSABLE_MS = 5000;
/** Deaths within this time count together. */
const DEATHS_MS = 60_000;
/** From this death on there is a pause before the next process, twice as long each time. */
const DEATHS_FREE = 5;
const LONGEST_PAUSE_MS = 60_000;

/** Messages after which more will come. */
const PARTS: ReadonlySet<FromWorker['type']> = new Set(['delta', 'episode', 'played']);

/** A request while it is worked on. */
export interface Request {
  readonly id: number;
  readonly task: Task;
  /** What comes back, but for failures and signs of life. */
  readonly onMessage: (message: FromWorker) => void;
  /** Begins again: what came so far does not count. */
  readonly onRetry: () => void;
  /** Called once, when no process works on it any more. */
  readonly onEnd: (error?: Error) => void;
  tries: number;
  /** The client has seen a part of the answer: it cannot be worked on again. */
  shown: boolean;
  cancelled: boolean;
}

export interface SeatOptions {
  readonly key: ModelKey;
  readonly source: ModelSource;
  readonly device: Device | 'auto';
  readonly threads: number | undefined;
  readonly now: () => number;
  readonly log: (event: SeatEvent) => void;
  /** The process knows what the weights take, and waits for {@link ModelSeat.admit} or {@link ModelSeat.refuse}. */
  readonly onWeighed: () => void;
  /** The last request has ended, or the process. */
  readonly onIdle: () => void;
}

/** For the log of the server. */
export interface SeatEvent {
  /** printed: what the process wrote to its standard error, as it does of a fault. */
  readonly event: 'started' | 'opened' | 'unusable' | 'died' | 'stuck' | 'released' | 'printed';
  readonly model: string;
  readonly pid: number | undefined;
  readonly reason?: string;
}

export class ModelSeat {
  readonly key: ModelKey;
  readonly requests = new Map<number, Request>();
  lastUsed: number;
  readonly #options: SeatOptions;
  #process: WorkerProcess | undefined;
  /** Processes that were let go and have not ended yet. */
  readonly #leaving = new Set<WorkerProcess>();
  #weighed: number | undefined;
  #isOpen = false;
  #lastHeard = 0;
  #deaths: number[] = [];
  #pausedUntil = 0;
  #unusable: { readonly error: Error; readonly until: number } | undefined;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.key = options.key;
    this.lastUsed = options.now();
  }

  get process(): WorkerProcess | undefined {
    return this.#process;
  }

  /** Bytes of memory that the weights take, about: what a process of the model has told, and its key before. */
  get bytes(): number {
    return this.#weighed ?? this.key.bytes;
  }

  /** Whether its process has the model, and works on what is asked. */
  get isOpen(): boolean {
    return this.#process !== undefined && this.#isOpen;
  }

  get busy(): boolean {
    return this.requests.size > 0;
  }

  /** @throws what the model could not be opened for; InferenceError `worker_died` while it rests after many deaths */
  assertUsable(): void {
    const now = this.#options.now();
    if (this.#unusable && now < this.#unusable.until) throw this.#unusable.error;
    if (now < this.#pausedUntil) throw this.#resting(now);
  }

  /** There is room for the weights. */
  admit(): void {
    this.#process?.admit();
  }

  /** There is none: the process goes before it has read them. */
  refuse(error: Error): void {
    this.#log('unusable', this.#process, error.message);
    this.release();
    for (const request of [...this.requests.values()]) this.#end(request, error);
  }

  ask(request: Request): void {
    this.lastUsed = this.#options.now();
    this.requests.set(request.id, request);
    this.#begin(request);
  }

  cancel(request: Request): void {
    request.cancelled = true;
    this.#process?.cancel(request.id);
  }

  /** Lets the process go. What it works on begins again in another. */
  release(): void {
    const leaving = this.#process;
    if (!leaving) return;
    this.#log('released', leaving);
    this.#process = undefined;
    this.#leaving.add(leaving);
    void leaving.ended.then(() => this.#leaving.delete(leaving));
    leaving.release();
  }

  /** Ends the process where it has been silent for too long, since what it does would hold its requests for ever. */
  endIfSilent(longest: number): void {
    const stuck = this.#process;
    if (!stuck || !this.busy || this.#options.now() - this.#lastHeard < longest) return;
    this.#log('stuck', stuck);
    // Another process would be stuck as well.
    for (const request of this.requests.values()) request.tries = TRIES;
    stuck.kill();
  }

  /** Ends everything. @param patience settles when processes that have not ended by themselves are killed */
  async close(patience: Promise<void>, error: Error): Promise<void> {
    for (const request of [...this.requests.values()]) this.#end(request, error);
    this.release();
    const leaving = [...this.#leaving];
    const ended = Promise.all(leaving.map((one) => one.ended));
    await Promise.race([ended, patience]);
    for (const one of leaving) one.kill();
    await ended;
  }

  #begin(request: Request): void {
    request.tries++;
    this.#process ??= this.#start();
    this.#process.ask(request.id, request.task);
    if (request.cancelled) this.#process.cancel(request.id);
  }

  #start(): WorkerProcess {
    const { source, device, threads, now } = this.#options;
    this.#lastHeard = now();
    this.#isOpen = false;
    const started: WorkerProcess = new WorkerProcess({
      source,
      device,
      threads,
      onMessage: (message) => started === this.#process && this.#hear(message),
      onPrint: (text) => this.#log('printed', started, text),
      onEnd: (how, printed) => started === this.#process && this.#died(how, printed),
    });
    this.#log('started', started);
    return started;
  }

  #hear(message: FromWorker): void {
    this.#lastHeard = this.#options.now();
    switch (message.type) {
      case 'alive':
        return;
      case 'weighed':
        this.#weighed = message.bytes;
        this.#options.onWeighed();
        return;
      case 'opened':
        this.#isOpen = true;
        this.#unusable = undefined;
        this.#log('opened', this.#process, message.warnings.join(' ') || undefined);
        return;
      case 'unusable': {
        const error = errorOf(message.failure);
        this.#unusable = { error, until: this.#options.now() + UNUSABLE_MS };
        this.refuse(error);
        return;
      }
      default: {
        const request = this.requests.get(message.id);
        if (!request) return;
        if (message.type === 'failed') {
          this.#end(request, errorOf(message.failure));
          return;
        }
        if (message.type === 'delta') request.shown = true;
        request.onMessage(message);
        if (!PARTS.has(message.type)) this.#end(request);
      }
    }
  }

  #died(how: string, printed: string): void {
    const now = this.#options.now();
    this.#log('died', this.#process, `it ${how}${printed === '' ? '' : `: ${printed.trim()}`}`);
    this.#process = undefined;
    this.#deaths = [...this.#deaths.filter((time) => now - time < DEATHS_MS), now];
    const beyond = this.#deaths.length - DEATHS_FREE;
    if (beyond > 0) this.#pausedUntil = now + Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** beyond);
    for (const request of [...this.requests.values()]) {
      if (request.cancelled) this.#end(request);
      else if (beyond > 0) this.#end(request, this.#resting(now));
      else if (request.tries >= TRIES || request.shown) {
        const message =
          stuckGame(printed) ??
          `The process of the model ${how}${request.shown ? ' in the middle of the answer' : ' each time'}. Try again.`;
        this.#end(request, new InferenceError('worker_died', message, 1));
      } else {
        request.onRetry();
        this.#begin(request);
      }
    }
    if (!this.busy) this.#options.onIdle();
  }

  #end(request: Request, error?: Error): void {
    if (!this.requests.delete(request.id)) return;
    this.lastUsed = this.#options.now();
    request.onEnd(error);
    if (!this.busy) this.#options.onIdle();
  }

  #resting(now: number): InferenceError {
    const seconds = Math.max(1, Math.ceil((this.#pausedUntil - now) / 1000));
    const message = `The process of this model has ended ${this.#deaths.length} times within a minute. Try again in ${seconds} s.`;
    return new InferenceError('worker_died', message, seconds);
  }

  #log(event: SeatEvent['event'], process: WorkerProcess | undefined, reason?: string): void {
    this.#options.log({
      event,
      model: this.key.name,
      pid: process?.pid,
      ...(reason !== undefined && { reason }),
    });
  }
}
