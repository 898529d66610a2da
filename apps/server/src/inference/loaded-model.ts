// One version of one model: its process while it has one, the requests that the process works on, how long it has been
// without requests, and its failures. The pool decides which models have room.

import { stuckGame } from '@ludic/environments';
import type { TypedRequest } from '@ludic/io';
import { ActiveRequest, type RequestHooks } from './active-request.ts';
import { InferenceError } from './errors.ts';
import type { ModelKey } from './model-key.ts';
import { ModelProcess } from './model-process.ts';
import type { Counters, InferenceCalls, InferenceType, ModelSetup } from './protocol.ts';

/** How often a request is worked on: once more after the death of a process. */
const TRIES = 2;
/** How long it is remembered that a model does not open. */
const UNUSABLE_MS = 5000;
/** Deaths within this time count together. */
const DEATHS_MS = 60_000;
/** From this death on there is a pause before the next process, twice as long each time. */
const DEATHS_FREE = 5;
const LONGEST_PAUSE_MS = 60_000;

/** A request of any type. */
type AnyRequest = Pick<ActiveRequest, 'tries' | 'shown' | 'isCancelled' | 'begin' | 'end'>;

interface LoadedModelOptions extends ModelSetup {
  readonly key: ModelKey;
  /** How long a request may take. 0: as long as it takes. */
  readonly requestTimeoutMs: number;
  /** How long the model stays without requests. */
  readonly idleTimeoutMs: number;
  readonly now: () => number;
  readonly log: (event: ModelEvent) => void;
  /**
   * Makes room for the weights: before a process starts, and again before it reads them, when their size is known for
   * certain. Of a model of the Hub it is known only then.
   * @throws InferenceError where there is none
   */
  readonly makeRoom: (model: LoadedModel) => void;
  /** The model is out of use: it had no requests for too long, or a newer version replaced it. */
  readonly onUnused: (model: LoadedModel) => void;
}

/** For the log of the server. */
export interface ModelEvent {
  /** printed: what the process wrote to its standard error, as it does of a fault. */
  readonly event: 'started' | 'opened' | 'unusable' | 'died' | 'stuck' | 'released' | 'printed';
  readonly model: string;
  readonly pid: number | undefined;
  readonly reason?: string;
}

export interface ModelStatus {
  readonly model: string;
  readonly pid: number | undefined;
  readonly requests: number;
  readonly counters: Counters;
}

export class LoadedModel {
  readonly key: ModelKey;
  readonly #options: LoadedModelOptions;
  readonly #requests = new Set<AnyRequest>();
  #lastUsed: number;
  #process: ModelProcess | undefined;
  /** Processes that were let go and have not ended yet. */
  readonly #leaving = new Set<ModelProcess>();
  /** What a process of the model has told about its weights. */
  #bytes: number | undefined;
  #isOpen = false;
  #isOutdated = false;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;
  #lastHeard = 0;
  #deaths: number[] = [];
  #pausedUntil = 0;
  #unusable: { readonly error: Error; readonly until: number } | undefined;

  constructor(options: LoadedModelOptions) {
    this.#options = options;
    this.key = options.key;
    this.#lastUsed = options.now();
    this.#beginIdleTime();
  }

  get hasProcess(): boolean {
    return this.#process !== undefined;
  }

  /** Bytes of memory that the weights take, about. */
  get bytes(): number {
    return this.#bytes ?? this.key.bytes;
  }

  get isBusy(): boolean {
    return this.#requests.size > 0;
  }

  /** By the pool's clock. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** Undefined where it has no process. */
  get status(): ModelStatus | undefined {
    if (!this.#process) return undefined;
    const { pid, counters } = this.#process;
    return { model: this.key.name, pid, requests: this.#requests.size, counters };
  }

  /**
   * Works on a task, in a process that is started where there is none.
   * @throws at once, and without a call of `onEnd`: what the model could not be opened for; InferenceError `worker_died`
   *   while it pauses after many deaths, `busy` or `too_large` where there is no room
   */
  run<Type extends InferenceType>(
    task: TypedRequest<InferenceCalls, Type>,
    hooks: RequestHooks<InferenceCalls[Type]['part']>,
  ): Promise<InferenceCalls[Type]['answer']> {
    this.#assertUsable();
    if (!this.#process) this.#options.makeRoom(this);
    const request = new ActiveRequest<Type>(task, hooks, {
      timeoutMs: this.#options.requestTimeoutMs,
      isOpen: () => this.#process !== undefined && this.#isOpen,
    });
    clearTimeout(this.#idleTimer);
    this.#lastUsed = this.#options.now();
    this.#requests.add(request);
    this.#begin(request);
    return request.settled;
  }

  /** No new requests come: it goes with the last one that it works on, at once where it has none. */
  outdate(): void {
    this.#isOutdated = true;
    clearTimeout(this.#idleTimer);
    if (!this.isBusy) this.#discard();
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
    if (!stuck || !this.isBusy || this.#options.now() - this.#lastHeard < longest) return;
    this.#log('stuck', stuck);
    // Another process would be stuck as well.
    for (const request of this.#requests) request.tries = TRIES;
    stuck.kill();
  }

  /** Ends everything. @param grace settles when processes that have not ended by themselves are killed */
  async close(grace: Promise<void>, error: Error): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#endAll(error);
    this.release();
    const leaving = [...this.#leaving];
    const ended = Promise.all(leaving.map((one) => one.ended));
    await Promise.race([ended, grace]);
    for (const one of leaving) one.kill();
    await ended;
  }

  #assertUsable(): void {
    const now = this.#options.now();
    if (this.#unusable && now < this.#unusable.until) throw this.#unusable.error;
    if (now < this.#pausedUntil) throw this.#pausing(now);
  }

  #begin(request: AnyRequest): void {
    const process = (this.#process ??= this.#start());
    this.#whenCurrent(
      process,
      request.begin(process),
      () => this.#end(request),
      (error) => this.#end(request, error),
    );
  }

  #start(): ModelProcess {
    const { source, device, threads, now } = this.#options;
    this.#lastHeard = now();
    this.#isOpen = false;
    const started: ModelProcess = new ModelProcess({
      onHeard: () => {
        if (started === this.#process) this.#lastHeard = now();
      },
      onPrint: (text) => this.#log('printed', started, text),
      onEnd: (how, printed) => started === this.#process && this.#died(how, printed),
    });
    const onPart = (bytes: number) => started === this.#process && this.#sized(bytes);
    this.#whenCurrent(
      started,
      started.ask({ type: 'open', source, device, threads }, { onPart }),
      ({ warnings }) => {
        this.#isOpen = true;
        this.#unusable = undefined;
        this.#log('opened', started, warnings.join(' ') || undefined);
      },
      (error) => {
        this.#unusable = { error, until: now() + UNUSABLE_MS };
        this.#reject(error);
      },
    );
    this.#log('started', started);
    return started;
  }

  /** What comes of a process counts only while it is the one of the model. */
  #whenCurrent<T>(
    process: ModelProcess,
    work: Promise<T>,
    done: (result: T) => void,
    failed: (error: Error) => void,
  ): void {
    work.then(
      (result) => process === this.#process && done(result),
      (error) => process === this.#process && failed(error),
    );
  }

  #sized(bytes: number): void {
    this.#bytes = bytes;
    try {
      this.#options.makeRoom(this);
      this.#process?.accept();
    } catch (error) {
      this.#reject(error as Error);
    }
  }

  /** The process goes before it has read the weights. */
  #reject(error: Error): void {
    this.#log('unusable', this.#process, error.message);
    this.release();
    this.#endAll(error);
  }

  #died(how: string, printed: string): void {
    const now = this.#options.now();
    this.#log('died', this.#process, `it ${how}${printed === '' ? '' : `: ${printed.trim()}`}`);
    this.#process = undefined;
    this.#deaths = [...this.#deaths.filter((time) => now - time < DEATHS_MS), now];
    const beyond = this.#deaths.length - DEATHS_FREE;
    if (beyond > 0) this.#pausedUntil = now + Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** beyond);
    for (const request of [...this.#requests]) {
      if (request.isCancelled) this.#end(request);
      else if (beyond > 0) this.#end(request, this.#pausing(now));
      else if (request.tries >= TRIES || request.shown) {
        const message =
          stuckGame(printed) ??
          `The process of the model ${how}${request.shown ? ' in the middle of the answer' : ' each time'}. Try again.`;
        this.#end(request, new InferenceError('worker_died', message, 1));
      } else this.#begin(request);
    }
    if (!this.isBusy) this.#beginIdleTime();
  }

  #endAll(error: Error): void {
    for (const request of [...this.#requests]) this.#end(request, error);
  }

  #end(request: AnyRequest, error?: Error): void {
    if (!this.#requests.delete(request)) return;
    this.#lastUsed = this.#options.now();
    request.end(error);
    if (!this.isBusy) this.#beginIdleTime();
  }

  #beginIdleTime(): void {
    clearTimeout(this.#idleTimer);
    if (this.#isClosed) return;
    if (this.#isOutdated) this.#discard();
    else this.#idleTimer = setTimeout(() => this.#discard(), this.#options.idleTimeoutMs).unref();
  }

  #discard(): void {
    this.#options.onUnused(this);
    this.release();
  }

  #pausing(now: number): InferenceError {
    const seconds = Math.max(1, Math.ceil((this.#pausedUntil - now) / 1000));
    const message = `The process of this model has ended ${this.#deaths.length} times within a minute. Try again in ${seconds} s.`;
    return new InferenceError('worker_died', message, seconds);
  }

  #log(event: ModelEvent['event'], process: ModelProcess | undefined, reason?: string): void {
    this.#options.log({
      event,
      model: this.key.name,
      pid: process?.pid,
      ...(reason !== undefined && { reason }),
    });
  }
}
