// How long to wait before a request is sent again. All in seconds.

import type { RandomStream } from '@ludic/random';

const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 30;
/** A server that asks for more patience than this is asked again all the same. */
const LONGEST_RETRY_AFTER = 60;

/**
 * The pause after try number `tries` (from 1). It doubles from try to try and is drawn from its upper half, so that
 * requests that failed together do not come again together. What the server asked for goes first.
 */
export function pause(tries: number, random: RandomStream, retryAfter?: number): number {
  if (retryAfter !== undefined) return Math.min(retryAfter, LONGEST_RETRY_AFTER) + FIRST_PAUSE * random.nextFloat();
  const most = Math.min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE);
  return most * (0.5 + random.nextFloat() / 2);
}

/** Rejects with the signal's reason as soon as that is aborted. */
export function wait(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, 1000 * seconds);
    signal.addEventListener('abort', stop, { once: true });
  });
}
