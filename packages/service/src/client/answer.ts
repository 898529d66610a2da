// The answer to one request, read under its deadline.

import type { RequestDeadline } from './request-deadline.ts';

/** An answer whose headers have arrived and whose body has not. The caller has to read or discard it. */
export class Answer {
  readonly #response: Response;
  readonly #deadline: RequestDeadline;

  constructor(response: Response, deadline: RequestDeadline) {
    this.#response = response;
    this.#deadline = deadline;
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
    return this.#deadline.url;
  }

  /**
   * The body as it comes.
   * @param restMs so long may pass between two pieces; without it the time limit of the request holds for all
   */
  async *chunks(restMs?: number): AsyncGenerator<Uint8Array, void, void> {
    const reader = this.#response.body?.getReader();
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
    await this.#response.body?.cancel().catch(() => {});
  }
}
