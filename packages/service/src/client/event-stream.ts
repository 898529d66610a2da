// Server-sent events, from bytes in pieces of any size, as the HTML standard reads them (section 9.2.6).

import { ClientError } from './errors.ts';

/** One event of a stream, as the HTML standard dispatches it (section 9.2.6). */
export interface ServerSentEvent {
  /** `message` where the stream does not say. */
  readonly type: string;
  /** Its `data` lines, joined by line feeds; JSON in the events of a job. */
  readonly data: string;
  /** The last id that the stream has given, with this event or before; empty where there was none. */
  readonly lastEventId: string;
}

/** Characters of one event. */
const LONGEST_EVENT = 2 ** 24;

/** Takes a stream piece by piece. An event that the stream breaks off in is never told. */
export class EventStreamParser {
  /** Milliseconds before a new connection, where the stream said so. */
  retry: number | undefined;
  readonly #decoder = new TextDecoder();
  /** Pieces of the line that has not ended yet. */
  #line: string[] = [];
  /** Characters in `#line` and in `#data`. */
  #held = 0;
  #endedWithReturn = false;
  #type = '';
  #data: string[] = [];
  #lastEventId = '';

  /** @throws ClientError `bad_answer` where an event is larger than 16 Mi characters */
  push(bytes: Uint8Array): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return events;
    // The second half of a line end that was cut in two.
    if (this.#endedWithReturn && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithReturn = text === '' ? false : text.endsWith('\r');
    let from = 0;
    for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) {
      const event = this.#take([...this.#line, text.slice(from, index)].join(''));
      if (event) events.push(event);
      from = index + end.length;
    }
    if (from < text.length) this.#line.push(text.slice(from));
    this.#held += text.length - from;
    if (this.#held > LONGEST_EVENT)
      throw new ClientError('bad_answer', 'The server sends an event that is too large to be one.');
    return events;
  }

  #take(line: string): ServerSentEvent | undefined {
    this.#held -= this.#line.reduce((sum, piece) => sum + piece.length, 0);
    this.#line = [];
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    switch (field) {
      case 'event':
        this.#type = value;
        break;
      case 'data':
        this.#data.push(value);
        this.#held += value.length;
        break;
      case 'id':
        if (!value.includes('\0')) this.#lastEventId = value;
        break;
      case 'retry':
        if (/^\d{1,9}$/.test(value)) this.retry = Number(value);
        break;
      // Anything else is a comment, such as a heartbeat, or from a later standard.
    }
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const type = this.#type || 'message';
    const data = this.#data;
    this.#type = '';
    this.#data = [];
    this.#held = 0;
    return data.length > 0 ? { type, data: data.join('\n'), lastEventId: this.#lastEventId } : undefined;
  }
}
