// Trying again: what may pass is tried a bounded number of times, with longer and longer pauses between.

import { setTimeout as sleep } from 'node:timers/promises';
import type { HubError } from './errors.ts';

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

/** A failure that may pass. */
export class Hiccup extends Error {
  /** What is thrown when it does not. */
  readonly failure: HubError;
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | undefined;
  constructor(failure: HubError, wait?: number) {
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

/**
 * Repeats what throws a Hiccup.
 * @param progressed whether the last attempt brought enough to count from the beginning again
 * @throws the HubError of the last Hiccup
 */
export async function persist<T>(
  patience: Patience,
  attempt: () => Promise<T>,
  { progressed, onRetry }: { readonly progressed?: () => boolean; readonly onRetry?: (retry: Retry) => void } = {},
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
      await sleep(delay);
    }
  }
}
