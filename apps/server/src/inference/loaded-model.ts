// One version of one model and the process that holds it: absent, opening, open; and absent again where it dies, is let go or
// cannot open the model. It has the requests that the process works on, begins them again in the next one, and remembers
// failures. The pool decides which models have room.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stuckGame } from '@ludic/environments';
import { gameFiles } from '@ludic/environments/node';
import { type Channel, Requests, type TypedRequest } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import type { ModelKey } from '../models/model-source.ts';
import { ActiveRequest, type RequestHooks } from './active-request.ts';
import { howItEnded, InferenceError, ModelDeath, type ProcessExit } from './errors.ts';
import type {
  Counters,
  FromModelProcess,
  InferenceCalls,
  InferenceType,
  ModelCalls,
  ModelSetup,
  ToModelProcess,
} from './protocol.ts';
import { RecentDeaths } from './recent-deaths.ts';

const SCRIPT = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Secrets of the server that a model has no use for. */
const SECRETS = /^(LUDIC_|WANDB_)/;
/** How long a process that was let go may take to end. */
const LINGER_MS = 30_000;
/** Characters of what it printed last. */
const PRINTED = 2000;
/** How often a request is worked on: once more after the death of a process. */
const TRIES = 2;
/** How long it is remembered that a model does not open. */
const UNUSABLE_MS = 5000;

/** A request of any type. */
type AnyRequest = Pick<ActiveRequest, 'tries' | 'shown' | 'isJob' | 'isCancelled' | 'begin' | 'heard' | 'end'>;

/** A process that holds the model, and what it has told. */
interface ModelProcess {
  readonly child: ChildProcess;
  readonly channel: Channel<ToModelProcess, FromModelProcess>;
  readonly requests: Requests<ModelCalls>;
  readonly ended: Promise<void>;
  /** stuck: it gave no sign of life for too long, and is being ended. */
  state: 'opening' | 'open' | 'stuck';
  counters: Counters;
  lastHeard: number;
  /** The end of its standard error. */
  printed: string;
}

interface LoadedModelOptions extends Omit<ModelSetup, 'games'> {
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
   * @param forJob whether jobs alone need it
   * @throws InferenceError where there is none
   */
  readonly makeRoom: (model: LoadedModel, forJob: boolean) => void;
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
  #isOutdated = false;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #deaths = new RecentDeaths();
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

  /** Whether jobs use it. */
  get hasJobs(): boolean {
    return [...this.#requests].some(({ isJob }) => isJob);
  }

  /** By the pool's clock. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** Undefined where it has no process. */
  get status(): ModelStatus | undefined {
    if (!this.#process) return undefined;
    const { child, counters } = this.#process;
    return { model: this.key.name, pid: child.pid, requests: this.#requests.size, counters };
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
    if (!this.#process) this.#options.makeRoom(this, hooks.job !== undefined);
    const request = new ActiveRequest<Type>(task, hooks, {
      timeoutMs: hooks.job ? 0 : this.#options.requestTimeoutMs,
      isOpen: () => this.#process?.state === 'open',
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
    const { child, ended } = leaving;
    // It ends between two runs of its network, or is ended.
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => kill(leaving), LINGER_MS).unref();
    void ended.then(() => {
      clearTimeout(timer);
      this.#leaving.delete(leaving);
    });
  }

  /**
   * Ends the process where it has been silent for too long, since what it does would hold its requests for ever. How long
   * a job waits is for the job to say, as long as it has not been cancelled.
   */
  endIfSilent(longest: number): void {
    const stuck = this.#process;
    const isWaitedFor = [...this.#requests].some(({ isJob, isCancelled }) => !isJob || isCancelled);
    if (!stuck || !isWaitedFor || this.#options.now() - stuck.lastHeard < longest) return;
    this.#log('stuck', stuck);
    stuck.state = 'stuck';
    // Another process would be stuck as well.
    for (const request of this.#requests) request.tries = TRIES;
    kill(stuck);
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
    for (const one of leaving) kill(one);
    await ended;
  }

  #assertUsable(): void {
    const now = this.#options.now();
    if (this.#unusable && now < this.#unusable.until) throw this.#unusable.error;
    const pausing = this.#deaths.pauseAt(now);
    if (pausing) throw pausing;
  }

  #begin(request: AnyRequest): void {
    const process = (this.#process ??= this.#start());
    this.#whenCurrent(
      process,
      request.begin({
        pid: process.child.pid,
        ask: (task, options) => process.requests.ask(task, options),
        kill: () => kill(process),
      }),
      () => this.#end(request),
      (error) => this.#end(request, error),
    );
  }

  #start(): ModelProcess {
    const { source, device, threads, now } = this.#options;
    const started = this.#fork();
    const onPart = (bytes: number) => started === this.#process && this.#sized(started, bytes);
    this.#whenCurrent(
      started,
      started.requests.ask({ type: 'open', source, device, threads, games: gameFiles() }, { onPart }),
      ({ warnings }) => {
        started.state = 'open';
        this.#unusable = undefined;
        this.#log('opened', started, warnings.join(' ') || undefined);
      },
      (error) => {
        this.#unusable = { error, until: now() + UNUSABLE_MS };
        this.#reject(started, error);
      },
    );
    this.#log('started', started);
    return started;
  }

  #fork(): ModelProcess {
    const { now } = this.#options;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRETS.test(name)));
    const child = fork(SCRIPT, [], {
      serialization: 'advanced',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env,
    });
    const channel = ipcChannel<ToModelProcess, FromModelProcess>(child);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const started: ModelProcess = {
      child,
      channel,
      requests: new Requests<ModelCalls>(channel.send),
      ended,
      state: 'opening',
      counters: { runs: 0, tokens: 0, games: 0, memory: 0 },
      lastHeard: now(),
      printed: '',
    };
    channel.listen((message) => this.#hear(started, message));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      started.printed = (started.printed + text).slice(-PRINTED);
      this.#log('printed', started, text);
    });
    const end = (exit: ProcessExit) => started === this.#process && this.#died(started, exit);
    // 'close' comes when all that it said has been heard; after a release it never does.
    child.once('close', (code, signal) => end({ code, signal }));
    child.once('exit', () => resolve());
    child.on('error', (error) => {
      // Errors of a process that runs are told by its end.
      if (child.pid !== undefined) return;
      resolve();
      end({ code: null, signal: null, error: error.message });
    });
    return started;
  }

  #hear(from: ModelProcess, message: FromModelProcess): void {
    if (from === this.#process) {
      from.lastHeard = this.#options.now();
      for (const request of this.#requests) request.heard();
    }
    if (message.type === 'alive') from.counters = message.counters;
    else from.requests.hear(message);
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

  #sized(opening: ModelProcess, bytes: number): void {
    this.#bytes = bytes;
    try {
      this.#options.makeRoom(
        this,
        [...this.#requests].every(({ isJob }) => isJob),
      );
      void opening.channel.send({ type: 'accept' });
    } catch (error) {
      this.#reject(opening, error as Error);
    }
  }

  /** The process goes before it has read the weights. */
  #reject(opening: ModelProcess, error: Error): void {
    this.#log('unusable', opening, error.message);
    this.release();
    this.#endAll(error);
  }

  #died(dead: ModelProcess, exit: ProcessExit): void {
    const { printed, state } = dead;
    const now = this.#options.now();
    const how = howItEnded(exit);
    this.#log('died', dead, `it ${how}${printed === '' ? '' : `: ${printed.trim()}`}`);
    this.#process = undefined;
    this.#deaths.add(now);
    const pausing = this.#deaths.pauseAt(now);
    for (const request of [...this.#requests]) {
      if (request.isCancelled) this.#end(request);
      else if (request.isJob) {
        const message = `The process of the model ${how}.`;
        this.#end(request, new ModelDeath(message, { ...exit, wasSilent: state === 'stuck' }, printed));
      } else if (pausing) this.#end(request, pausing);
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

  #log(event: ModelEvent['event'], { child }: ModelProcess, reason?: string): void {
    this.#options.log({
      event,
      model: this.key.name,
      pid: child.pid,
      ...(reason !== undefined && { reason }),
    });
  }
}

const kill = ({ child }: ModelProcess): boolean => child.kill('SIGKILL');
