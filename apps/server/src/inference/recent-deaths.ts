// How often the process of a model has died of late, and the pause that follows.

import { InferenceError } from './errors.ts';

/** Deaths within this time count together. */
const DEATHS_MS = 60_000;
/** From this death on there is a pause before the next process, twice as long each time. */
const DEATHS_FREE = 5;
const LONGEST_PAUSE_MS = 60_000;

export class RecentDeaths {
  #times: number[] = [];
  #pausedUntil = 0;

  add(now: number): void {
    this.#times = [...this.#times.filter((time) => now - time < DEATHS_MS), now];
    const beyond = this.#times.length - DEATHS_FREE;
    if (beyond > 0) this.#pausedUntil = now + Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** beyond);
  }

  /** Why no process is begun now; undefined where one may be. */
  pauseAt(now: number): InferenceError | undefined {
    if (now >= this.#pausedUntil) return undefined;
    const seconds = Math.max(1, Math.ceil((this.#pausedUntil - now) / 1000));
    const message = `The process of this model has ended ${this.#times.length} times within a minute. Try again in ${seconds} s.`;
    return new InferenceError('worker_died', message, seconds);
  }
}
