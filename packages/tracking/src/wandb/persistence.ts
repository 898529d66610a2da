// Trying again: what may pass is tried with longer and longer pauses, of which chance takes a part, so that many who
// lost the same server do not all come back at once.

import type { TrackingError } from '../errors.ts';

/** A failure that may pass. */
export class Hiccup extends Error {
  /** What is thrown when it does not. */
  readonly failure: TrackingError;
  /** Milliseconds that the server asks to wait. */
  readonly wait: number;
  constructor(failure: TrackingError, wait = 0) {
    super(failure.message);
    this.failure = failure;
    this.wait = wait;
  }
}

/** Milliseconds before the second attempt, and at most, but for a server that asks for more. */
const FIRST_PAUSE = 2000;
const LONGEST_PAUSE = 60_000;
/** More than this nobody waits because a server says so. */
const LONGEST_WAIT = 600_000;

/**
 * Milliseconds before the next attempt.
 * @param failures in a row, at least 1
 * @param random at least 0 and less than 1
 */
export function pauseAfter(failures: number, wait: number, random: number): number {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
  return Math.max(longest / 2 + (longest / 2) * random, Math.min(wait, LONGEST_WAIT));
}
