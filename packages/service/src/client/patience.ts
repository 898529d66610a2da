// How long to wait before something is asked again, and for how long an answer is waited for.

import type { RandomStream } from '@ludic/random';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** Milliseconds. Whoever asks for more patience gets the error instead. */
export const LONGEST_RETRY_AFTER = 60_000;

/** Milliseconds before try `tries` + 1: doubled each time, drawn from the upper half, so that many do not come at once. */
export function pause(tries: number, random: RandomStream, first = FIRST_PAUSE): number {
  return Math.min(first * 2 ** (tries - 1), LONGEST_PAUSE) * (0.5 + random.nextFloat() / 2);
}

/** Milliseconds. Timers take longer times for none. */
const LONGEST_TIMER = 2 ** 31 - 1;

export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

/** Rejects with the signal's reason as soon as that is aborted. */
export const sleep: Sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });

/** Aborts some time after `rest` was called last, unless it was stopped. */
export class Watchdog {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins to wait anew. */
  rest(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), Math.min(milliseconds, LONGEST_TIMER));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
