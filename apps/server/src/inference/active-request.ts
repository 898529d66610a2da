// One request to a loaded model, from when it is taken until no process works on it any more.

import { InferenceError } from './errors.ts';
import type { FromModelProcess, InferenceTask } from './protocol.ts';

export interface RequestHooks {
  /** What comes back, but for failures and signs of life. */
  readonly onMessage: (message: FromModelProcess) => void;
  /** Begins again: what came so far does not count. */
  readonly onRetry: () => void;
  /** Called once, when no process works on it any more: later than the rejection where the client has stopped waiting. */
  readonly onEnd: () => void;
  /** Once it is aborted the work stops, and the promise rejects with its reason. */
  readonly signal: AbortSignal | undefined;
}

interface RequestLimits {
  /** A request that takes longer is given up. 0: as long as it takes. */
  readonly timeoutMs: number;
  /** The client has stopped waiting: the process need not go on. */
  readonly onCancel: () => void;
  /** Whether the model was there to begin with the work. */
  readonly isOpen: () => boolean;
}

export class ActiveRequest {
  readonly id: number;
  readonly task: InferenceTask;
  /** Resolves with the last message; rejects with a failure, the limit of time or the reason of the signal. */
  readonly settled: Promise<void>;
  tries = 0;
  /** The client has seen a part of the answer: it cannot be worked on again. */
  shown = false;
  readonly #hooks: RequestHooks;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #abort: () => void;
  readonly #settle: (error?: unknown) => void;
  #isCancelled = false;

  constructor(id: number, task: InferenceTask, hooks: RequestHooks, { timeoutMs, onCancel, isOpen }: RequestLimits) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.id = id;
    this.task = task;
    this.settled = promise;
    this.#hooks = hooks;
    this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    const giveUp = (reason: unknown) => {
      clearTimeout(this.#timer);
      this.#isCancelled = true;
      onCancel();
      reject(reason);
    };
    const { signal } = hooks;
    this.#abort = () => giveUp(signal!.reason);
    signal?.addEventListener('abort', this.#abort, { once: true });
    // A longer time is more than a timer can wait: it has no end.
    if (timeoutMs > 0 && timeoutMs < 2 ** 31)
      this.#timer = setTimeout(() => giveUp(timedOut(task.kind, timeoutMs, isOpen())), timeoutMs).unref();
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  hear(message: FromModelProcess): void {
    if (message.type === 'delta') this.shown = true;
    if (!this.#isCancelled) this.#hooks.onMessage(message);
  }

  retry(): void {
    this.#hooks.onRetry();
  }

  end(error?: Error): void {
    this.#hooks.onEnd();
    clearTimeout(this.#timer);
    this.#hooks.signal?.removeEventListener('abort', this.#abort);
    this.#settle(error);
  }
}

const ADVICE: Readonly<Record<InferenceTask['kind'], string>> = {
  evaluate:
    'Set async to true, which answers at once with a job that takes as long as it needs; or ask for fewer eval_episodes or max_steps.',
  rollout: 'Ask for fewer max_steps, or play the game as an evaluation with async: true.',
  chat: 'Ask for fewer max_tokens or replies.',
};

/** @param isOpen whether the model was there to begin with the work */
function timedOut(kind: InferenceTask['kind'], limitMs: number, isOpen: boolean): InferenceError {
  const what = { evaluate: 'The games', rollout: 'The game', chat: 'The reply' }[kind];
  const limit = `the ${limitMs / 1000} s that an answer may take here`;
  const message = isOpen
    ? `${what} took longer than ${limit}, and nothing of it is kept. ${ADVICE[kind]}`
    : `Opening the model takes longer than ${limit}. It goes on, as does fetching one of the Hub: ask again later.`;
  return new InferenceError('timed_out', message);
}
