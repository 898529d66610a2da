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

/** What is asked and told between attempts. */
export interface RetryOptions {
  /** Makes a TransientError of a failure that may pass. Default: only what is one already may pass. */
  readonly asTransient?: (error: unknown) => unknown;
  /** Called before each pause. */
  readonly onRetry?: (retry: Retry) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Default: `setTimeout`. */
  readonly sleep?: Sleep | undefined;
  /** Draws from [0, 1) for each pause. Default: pauses are their longest. */
  readonly random?: () => number;
}

/** A failed attempt that will be followed by another. */
export interface Retry {
  /** The message of the failure. */
  readonly reason: string;
  /** Milliseconds until the next attempt. */
  readonly delay: number;
}

/**
 * Counts failures in a row. What it returns takes the error of an attempt, and whether that brought enough to count its
 * failure as the first; it returns when another attempt is to follow.
 * @param policy is looked at before each pause
 * @throws the error where it cannot pass, or there were enough, or the server asks to wait longer than `longestWait`; the
 * reason of the signal
 */
export function retryPauses(
  policy: RetryPolicy,
  { asTransient = (error) => error, onRetry, signal, sleep: wait = sleep, random }: RetryOptions = {},
): (error: unknown, progressed?: boolean) => Promise<void> {
  let failures = 0;
  return async (error, progressed = false) => {
    signal?.throwIfAborted();
    const transient = asTransient(error);
    if (!(transient instanceof TransientError)) throw transient;
    failures = progressed ? 1 : failures + 1;
    if (failures >= policy.attempts || (transient.wait ?? 0) > policy.longestWait) throw transient.failure;
    const delay = pauseAfter(policy, failures, transient.wait, random?.());
    onRetry?.({ reason: transient.failure.message, delay });
    await wait(delay, signal);
  };
}

/** Repeats what fails and may pass. @throws as the pauses of `retryPauses` do */
export async function retry<T>(policy: RetryPolicy, attempt: () => Promise<T>, options?: RetryOptions): Promise<T> {
  const pause = retryPauses(policy, options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await pause(error);
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
