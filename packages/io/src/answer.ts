// One HTTP request under a time limit, from its sending to the last byte of its answer.

/** Milliseconds. Timers take longer times for none. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A request, but for how it is sent. */
export interface TimedRequest {
  readonly url: string;
  /** Milliseconds until the head of the answer must be there, and all of it where the body is read under it. */
  readonly limit: number;
  /** Ends the request, which then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What any other failure means to the caller.
   * @param passed milliseconds of the limit, where that has passed
   */
  readonly named: (error: unknown, passed: number | undefined) => unknown;
}

/** Sends a request and waits for the head of its answer. @throws what `named` returns; the reason of the signal */
export async function openAnswer(
  request: TimedRequest,
  send: (signal: AbortSignal) => Promise<Response>,
): Promise<Answer> {
  const deadline = new Deadline(request);
  return deadline.guard(async () => new Answer(request.url, await send(deadline.signal), deadline));
}

/**
 * An answer whose headers have arrived and whose body has not. The caller has to read or discard it; reading throws as
 * `openAnswer` does.
 */
export class Answer {
  /** Where it came from. */
  readonly url: string;
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly #body: ReadableStream<Uint8Array> | null;
  readonly #deadline: Deadline;

  constructor(url: string, { ok, status, headers, body }: Response, deadline: Deadline) {
    this.url = url;
    this.ok = ok;
    this.status = status;
    this.headers = headers;
    this.#body = body;
    this.#deadline = deadline;
  }

  /**
   * The body as it comes.
   * @param restMs so long may pass between two pieces; without it the time limit of the request holds for all
   */
  async *chunks(restMs?: number): AsyncGenerator<Uint8Array, void, void> {
    const reader = this.#body?.getReader();
    try {
      while (reader) {
        if (restMs !== undefined) this.#deadline.restart(restMs);
        const { value, done } = await this.#deadline.guard(() => reader.read());
        if (done) return;
        // The caller may take its time between pieces.
        if (restMs !== undefined) this.#deadline.end();
        yield value;
      }
    } finally {
      this.#deadline.end();
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
    this.#deadline.end();
    await this.#body?.cancel().catch(() => {});
  }
}

class Deadline {
  readonly signal: AbortSignal;
  readonly #request: TimedRequest;
  readonly #expired = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #limit = 0;

  constructor(request: TimedRequest) {
    this.#request = request;
    this.signal = AbortSignal.any([this.#expired.signal, ...(request.signal ? [request.signal] : [])]);
    this.restart(request.limit);
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
      const { signal, named } = this.#request;
      signal?.throwIfAborted();
      throw named(error, this.#expired.signal.aborted ? this.#limit : undefined);
    }
  }
}
