// Trying again: what may pass is tried a bounded number of times, with longer and longer pauses between. For Node and for
// browsers.

import { askedWait } from '@ludic/io';

export interface Patience {
  /** Failures in a row after which it is given up. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubled each time. */
  readonly firstDelay: number;
  /** Milliseconds that are waited at most, also where the server asks for more. */
  readonly longestDelay: number;
  /** Milliseconds without a byte after which a connection counts as cut. */
  readonly silence: number;
}

export const DEFAULT_PATIENCE: Patience = { attempts: 5, firstDelay: 1000, longestDelay: 60_000, silence: 20_000 };

/** Bytes that an attempt must have brought for the failures to be counted from the beginning. */
export const ENOUGH = 2 ** 20;

/** Statuses of gateways, of overload and of faults. */
const PASSING = new Set([408, 500, 502, 503, 504]);

export const isPassing = (status: number): boolean => PASSING.has(status);

/** Milliseconds that a server asks to wait. */
export function waitOf(headers: Headers): number | undefined {
  const seconds = askedWait(headers);
  return seconds === undefined ? undefined : 1000 * seconds;
}

/** A failure that may pass. */
export class Hiccup<Failure extends Error = Error> extends Error {
  /** What is thrown when it does not. */
  readonly failure: Failure;
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | undefined;
  constructor(failure: Failure, wait?: number) {
    super(failure.message);
    this.failure = failure;
    this.wait = wait;
  }
}

export interface Retry {
  readonly reason: string;
  /** Milliseconds until the next attempt. */
  readonly delay: number;
}

export interface Persistence {
  /** Whether the last attempt brought enough to count from the beginning again. */
  readonly progressed?: () => boolean;
  readonly onRetry?: (retry: Retry) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Repeats what throws a Hiccup.
 * @throws the failure of the last Hiccup; the reason of the signal
 */
export async function persist<T>(
  patience: Patience,
  attempt: () => Promise<T>,
  { progressed, onRetry, signal }: Persistence = {},
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Hiccup)) throw error;
      failures = progressed?.() ? 1 : failures + 1;
      const { longestDelay, firstDelay } = patience;
      if (failures >= patience.attempts || (error.wait ?? 0) > longestDelay) throw error.failure;
      const delay = Math.min(longestDelay, Math.max(firstDelay * 2 ** (failures - 1), error.wait ?? 0));
      onRetry?.({ reason: error.failure.message, delay });
      await pause(delay, signal);
    }
  }
}

/** Rejects with the signal's reason as soon as that is aborted. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
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
}
