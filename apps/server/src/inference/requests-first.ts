// How games of jobs and requests share the thread of a process: a job draws its next tokens when no request is worked on.
// While there are requests all the time it still has a small part of the time, so that it comes to its end.

import { setImmediate } from 'node:timers/promises';

/** How much longer than its last run a job waits while requests are worked on: it has about a tenth of the time. */
const REST = 9;

export class RequestsFirst {
  #requests = 0;
  /** When a job was last let go on, in milliseconds. */
  #lastTurn: number | undefined;
  #turns = new Set<() => void>();

  /** Does the work of a request. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#requests++;
    try {
      return await work();
    } finally {
      if (--this.#requests === 0) for (const go of this.#turns) go();
    }
  }

  /** A job begins: the time since the last one was not its own. */
  jobBegins(): void {
    this.#lastTurn = undefined;
  }

  /** Awaited before each run of a job. */
  async turn(): Promise<void> {
    const took = performance.now() - (this.#lastTurn ?? performance.now());
    // Requests that have arrived are taken up first.
    await setImmediate();
    if (this.#requests > 0) await this.#wait(REST * took);
    this.#lastTurn = performance.now();
  }

  /** Until no request is worked on, or so many milliseconds. */
  async #wait(longestMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, longestMs);
    this.#turns.add(resolve);
    await promise;
    this.#turns.delete(resolve);
    clearTimeout(timer);
  }
}
