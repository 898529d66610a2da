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

/** All in milliseconds. */
export interface RetryPolicy {
  /** Longest pause before the second attempt; it doubles with each failure. */
  readonly firstPause: number;
  /** Longest pause where the server does not ask for one. */
  readonly longestPause: number;
  /** Longest pause that a server can ask for. */
  readonly longestWait: number;
}

/**
 * Milliseconds before the next attempt.
 * @param failures in a row, at least 1
 * @param wait milliseconds that the server asked for
 * @param random at least 0 and less than 1
 */
export function pauseAfter(policy: RetryPolicy, failures: number, wait: number | undefined, random: number): number {
  const longest = Math.min(policy.longestPause, policy.firstPause * 2 ** (failures - 1));
  return Math.max(longest * (0.5 + random / 2), Math.min(wait ?? 0, policy.longestWait));
}
