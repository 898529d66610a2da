// One request to a loaded model, from when it is taken until no process works on it any more.

import type { Requests, TypedRequest } from '@ludic/io';
import { InferenceError } from './errors.ts';
import type { InferenceCalls, InferenceType, ModelCalls } from './protocol.ts';

export interface RequestHooks<Part> {
  /** What comes before the answer. */
  readonly onPart?: ((part: Part) => void) | undefined;
  /** Begins again: what came so far does not count. */
  readonly onRetry?: () => void;
  /** Called once, when no process works on it any more: later than the rejection where the client has stopped waiting. */
  readonly onEnd: () => void;
  /** Once it is aborted the work stops, and the promise rejects with its reason. */
  readonly signal: AbortSignal | undefined;
  /** It is a job's: that has limits of its own, and is told when the process ends instead of beginning again in another. */
  readonly job?: JobHooks | undefined;
}

export interface JobHooks {
  /** A process begins with it. @param kill for one that has been silent for too long */
  readonly onBegin: (pid: number | undefined, kill: () => void) => void;
  /** The process has given a sign of life. */
  readonly onHeard: () => void;
}

/** The process that works on a request. */
interface RequestedProcess {
  readonly pid: number | undefined;
  readonly ask: Requests<ModelCalls>['ask'];
  readonly kill: () => void;
}

interface RequestLimits {
  /** A request that takes longer is given up. 0: as long as it takes. */
  readonly timeoutMs: number;
  /** Whether the model was there to begin with the work. */
  readonly isOpen: () => boolean;
}

export class ActiveRequest<Type extends InferenceType = InferenceType> {
  /** Resolves with the answer; rejects with a failure, the limit of time or the reason of the signal. */
  readonly settled: Promise<InferenceCalls[Type]['answer']>;
  /** How often a process has begun with it. */
  tries = 0;
  /** The client has seen a part of the answer: it cannot be worked on again. */
  shown = false;
  readonly #task: TypedRequest<InferenceCalls, Type>;
  readonly #hooks: RequestHooks<InferenceCalls[Type]['part']>;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #abort: () => void;
  readonly #settle: (error?: unknown) => void;
  /** The client has stopped waiting: the process need not go on. */
  readonly #cancelled = new AbortController();
  #answer: InferenceCalls[Type]['answer'] | undefined;

  constructor(
    task: TypedRequest<InferenceCalls, Type>,
    hooks: RequestHooks<InferenceCalls[Type]['part']>,
    { timeoutMs, isOpen }: RequestLimits,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<InferenceCalls[Type]['answer']>();
    this.#task = task;
    this.settled = promise;
    this.#hooks = hooks;
    this.#settle = (error) => (error === undefined ? resolve(this.#answer!) : reject(error));
    const giveUp = (reason: unknown) => {
      clearTimeout(this.#timer);
      this.#cancelled.abort();
      reject(reason);
    };
    const { signal } = hooks;
    this.#abort = () => giveUp(signal!.reason);
    signal?.addEventListener('abort', this.#abort, { once: true });
    // A longer time is more than a timer can wait: it has no end.
    if (timeoutMs > 0 && timeoutMs < 2 ** 31)
      this.#timer = setTimeout(() => giveUp(timedOut(task.type, timeoutMs, isOpen())), timeoutMs).unref();
  }

  get isJob(): boolean {
    return this.#hooks.job !== undefined;
  }

  get isCancelled(): boolean {
    return this.#cancelled.signal.aborted;
  }

  /** Has a process work on it, from the beginning. Does not settle where that ends first. @throws the failure */
  async begin({ pid, ask, kill }: RequestedProcess): Promise<void> {
    if (++this.tries > 1) this.#hooks.onRetry?.();
    this.#hooks.job?.onBegin(pid, kill);
    const onPart = (part: InferenceCalls[Type]['part']) => {
      if (this.#task.type === 'chat') this.shown = true;
      if (!this.isCancelled) this.#hooks.onPart?.(part);
    };
    this.#answer = await ask(this.#task, { onPart, signal: this.#cancelled.signal });
  }

  /** The process that works on it has given a sign of life. */
  heard(): void {
    this.#hooks.job?.onHeard();
  }

  end(error?: Error): void {
    this.#hooks.onEnd();
    clearTimeout(this.#timer);
    this.#hooks.signal?.removeEventListener('abort', this.#abort);
    this.#settle(error);
  }
}

const ADVICE: Readonly<Record<InferenceType, string>> = {
  evaluate:
    'Set async to true, which answers at once with a job that takes as long as it needs; or ask for fewer eval_episodes or max_steps.',
  rollout: 'Ask for fewer max_steps, or play the game as an evaluation with async: true.',
  chat: 'Ask for fewer max_tokens or replies.',
};

/** @param isOpen whether the model was there to begin with the work */
function timedOut(type: InferenceType, limitMs: number, isOpen: boolean): InferenceError {
  const what = { evaluate: 'The games', rollout: 'The game', chat: 'The reply' }[type];
  const limit = `the ${limitMs / 1000} s that an answer may take here`;
  const message = isOpen
    ? `${what} took longer than ${limit}, and nothing of it is kept. ${ADVICE[type]}`
    : `Opening the model takes longer than ${limit}. It goes on, as does fetching one of the Hub: ask again later.`;
  return new InferenceError('timed_out', message);
}
