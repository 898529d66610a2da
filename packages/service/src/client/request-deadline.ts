// The time limit of one request, from its sending to the last byte of its answer.

import { ClientError } from './errors.ts';

/** Milliseconds. Timers take longer times for none. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class RequestDeadline {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal | undefined;
  readonly #expired = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #limit = 0;

  constructor(url: URL, limit: number, caller: AbortSignal | undefined) {
    this.url = url.href;
    this.#caller = caller;
    this.signal = caller ? AbortSignal.any([caller, this.#expired.signal]) : this.#expired.signal;
    this.restart(limit);
  }

  /** From now on so many milliseconds. */
  restart(milliseconds: number): void {
    this.#limit = milliseconds;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expired.abort(), Math.min(milliseconds, LONGEST_TIMER));
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** Does a part of the request; an error is named by what it means, and ends the deadline. */
  async guard<T>(part: () => Promise<T>): Promise<T> {
    try {
      return await part();
    } catch (error) {
      this.end();
      this.#caller?.throwIfAborted();
      throw this.#named(error);
    }
  }

  #named(error: unknown): Error {
    const { cause } = error as { cause?: unknown };
    const { code } = (cause ?? error) as { code?: string };
    if (this.#expired.signal.aborted || /^UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT$/.test(code ?? '')) {
      const after = this.#expired.signal.aborted
        ? ` within ${Number((this.#limit / 1000).toPrecision(3))} s`
        : ' in time';
      return new ClientError('timed_out', `${this.url} did not answer${after}.`, { cause: error });
    }
    const why = code ?? (error instanceof Error ? error.message : String(error));
    return new ClientError(
      'unreachable',
      `${this.url} gave no whole answer (${why}). Is that the address, and does a server run there?`,
      { cause: error },
    );
  }
}
