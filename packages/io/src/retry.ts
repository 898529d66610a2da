// When to try again. A failure that may pass is thrown as a TransientError; the pause before the next attempt doubles, and
// its upper half is random, so that clients that lost the same server do not return at the same moment.

/** A failure that may pass. */
export class TransientError<Failure extends Error = Error> extends Error {
  /** What is thrown when it does not pass. */
  readonly failure: Failure;
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | undefined;

  constructor(failure: Failure, wait?: number) {
    super(failure.message);
    this.name = 'TransientError';
    this.failure = failure;
    this.wait = wait;
  }
}

/** Pauses in milliseconds. */
export interface RetryPolicy {
  /** Failures in a row after which `retry` gives up. */
  readonly attempts: number;
  /** Longest pause before the second attempt; it doubles with each failure. */
  readonly firstPause: number;
  /** Longest pause where the server does not ask for one. */
  readonly longestPause: number;
  /** Longest pause that a server can ask for. */
  readonly longestWait: number;
}

/** How a file is fetched, in milliseconds. */
export interface FetchPolicy extends RetryPolicy {
  /** Time without a byte after which a connection counts as cut. */
  readonly idleTimeout: number;
}

/** Bytes that a failed attempt must have brought for the failures to be counted from the beginning. */
export const PROGRESS_BYTES = 2 ** 20;

/** HTTP statuses of overload, of gateways and of faults of a server. */
const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** Whether an HTTP status may pass by itself: 408, 429, 500, 502, 503 or 504. */
export const isTransientStatus = (status: number): boolean => TRANSIENT_STATUSES.has(status);

/**
 * Milliseconds before the next attempt.
 * @param failures in a row, at least 1
 * @param wait milliseconds that the server asked for; spread over a further `firstPause`
 * @param random at least 0 and at most 1, which gives the longest pause and no spread
 */
export function pauseAfter(
  policy: Omit<RetryPolicy, 'attempts'>,
  failures: number,
  wait: number | undefined,
  random = 1,
): number {
  const longest = Math.min(policy.longestPause, policy.firstPause * 2 ** (failures - 1));
  const pause = longest * (0.5 + random / 2);
  return wait === undefined
    ? pause
    : Math.max(pause, Math.min(wait, policy.longestWait) + (1 - random) * policy.firstPause);
}

/** What `retry` asks and tells between attempts. */
export interface RetryOptions {
  /** Whether the last attempt brought enough to count its failure as the first. */
  readonly progressed?: () => boolean;
  /** Called before each pause. */
  readonly onRetry?: (retry: Retry) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** A failed attempt that will be followed by another. */
export interface Retry {
  /** The message of the failure. */
  readonly reason: string;
  /** Milliseconds until the next attempt. */
  readonly delay: number;
}

/**
 * Repeats what throws a TransientError.
 * @throws the failure of the last TransientError, at once where the server asks to wait longer than `longestWait`; the
 * reason of the signal
 */
export async function retry<T>(
  policy: RetryPolicy,
  attempt: () => Promise<T>,
  { progressed, onRetry, signal }: RetryOptions = {},
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = progressed?.() ? 1 : failures + 1;
      if (failures >= policy.attempts || (error.wait ?? 0) > policy.longestWait) throw error.failure;
      const delay = pauseAfter(policy, failures, error.wait);
      onRetry?.({ reason: error.failure.message, delay });
      await sleep(delay, signal);
    }
  }
}

/** Waits so many milliseconds, and rejects with the signal's reason once that is aborted. */
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
