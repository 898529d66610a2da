// The way of one request, with its time limit, and the answer that comes along it.

import { ClientError } from './errors.ts';
import { Watchdog } from './patience.ts';

/** From a request to the last byte of its answer, under one time limit. */
export class Way {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal | undefined;
  readonly #watchdog = new Watchdog();
  #limit: number;

  constructor(url: URL, limit: number, caller: AbortSignal | undefined) {
    this.url = url.href;
    this.#caller = caller;
    this.#limit = limit;
    this.signal = caller ? AbortSignal.any([caller, this.#watchdog.signal]) : this.#watchdog.signal;
    this.#watchdog.rest(limit);
  }

  /** From now on so long. */
  rest(milliseconds: number): void {
    this.#limit = milliseconds;
    this.#watchdog.rest(milliseconds);
  }

  end(): void {
    this.#watchdog.stop();
  }

  /** Does a part of the way; what goes wrong gets its name, and ends the way. */
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
    if (this.#watchdog.signal.aborted || /^UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT$/.test(code ?? '')) {
      const after = this.#watchdog.signal.aborted
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

/** The head of an answer is here; its body comes. Whoever has one reads or discards it. */
export class Answer {
  readonly #response: Response;
  readonly #way: Way;

  constructor(response: Response, way: Way) {
    this.#response = response;
    this.#way = way;
  }

  get status(): number {
    return this.#response.status;
  }

  get isGood(): boolean {
    return this.#response.ok;
  }

  get headers(): Headers {
    return this.#response.headers;
  }

  /** Where it came from. */
  get url(): string {
    return this.#way.url;
  }

  /**
   * The body as it comes.
   * @param restMs so long may pass between two pieces; without it the time limit of the request holds for all
   */
  async *chunks(restMs?: number): AsyncGenerator<Uint8Array, void, void> {
    const reader = this.#response.body?.getReader();
    try {
      while (reader) {
        if (restMs !== undefined) this.#way.rest(restMs);
        const { value, done } = await this.#way.guard(() => reader.read());
        if (done) return;
        // Whoever takes the pieces may take their time.
        if (restMs !== undefined) this.#way.end();
        yield value;
      }
    } finally {
      this.#way.end();
      await reader?.cancel().catch(() => {});
    }
  }

  /** @param most bytes after which the rest is left unread */
  async text(most = Number.POSITIVE_INFINITY): Promise<string> {
    const decoder = new TextDecoder();
    const parts: string[] = [];
    let bytes = 0;
    for await (const chunk of this.chunks()) {
      parts.push(decoder.decode(chunk, { stream: true }));
      if ((bytes += chunk.length) > most) break;
    }
    return parts.join('') + decoder.decode();
  }

  async discard(): Promise<void> {
    this.#way.end();
    await this.#response.body?.cancel().catch(() => {});
  }
}
