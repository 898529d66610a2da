// One server as a client sees it: requests with a password, a time limit and patience, and what comes back of them.

import { type RandomStream, stream } from '@ludic/random';
import { addressOf } from './address.ts';
import { Answer, Way } from './answer.ts';
import { parseBaseUrl } from './base-url.ts';
import { ClientError } from './errors.ts';
import { LONGEST_RETRY_AFTER, pause, type Sleep, sleep } from './patience.ts';
import { refusal } from './refusal.ts';

export interface ConnectionOptions {
  /** Of the service, such as `https://example.org/ludic`. */
  readonly baseUrl: string;
  readonly password?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Milliseconds that an answer may take. Default 30 000, where games are played 630 000. */
  readonly timeoutMs?: number;
  /** How often more a request is sent that failed and can be repeated. Default 3. */
  readonly retries?: number;
  /** Send the password unencrypted, to other machines too. */
  readonly allowHttp?: boolean;
  /** Spreads the pauses of clients that fail together: give each another. Default 0. */
  readonly seed?: number;
  /** Default: `setTimeout`. */
  readonly sleep?: Sleep;
}

export interface Call {
  readonly method: 'get' | 'post' | 'delete';
  /** As the table of endpoints writes it. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Milliseconds where neither the call nor the client has a limit. */
  readonly usualMs?: number | undefined;
}

const TIMEOUT = 30_000;
const RETRIES = 3;
/** Answers after which a repeated request may fare better. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);
/** Answers that say that nothing was begun, where they also say when to come again. */
const NOT_BEGUN = new Set([429, 503]);

export class Connection {
  readonly base: URL;
  readonly retries: number;
  readonly random: RandomStream;
  readonly sleep: Sleep;
  readonly #password: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number | undefined;

  /** @throws ClientError `bad_base_url`, `insecure` */
  constructor(options: ConnectionOptions) {
    this.base = parseBaseUrl(options.baseUrl, options.allowHttp ?? false);
    this.retries = options.retries ?? RETRIES;
    this.random = stream(options.seed ?? 0, 'client');
    this.sleep = options.sleep ?? sleep;
    this.#password = options.password;
    // Browsers want to call it on nothing.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#timeoutMs = options.timeoutMs;
  }

  /** The header that holds the password, where there is one. */
  get authorization(): Readonly<Record<string, string>> {
    return this.#password === undefined ? {} : { authorization: `Bearer ${inBytes(this.#password)}` };
  }

  /** Sends a request, again where that is safe, and reads its answer whole. */
  async text(call: Call): Promise<{ readonly status: number; readonly text: string; readonly url: string }> {
    const isRepeatable = call.method === 'get';
    return this.patiently(call.signal, isRepeatable, async () => {
      const answer = await this.open(call);
      return { status: answer.status, text: await answer.text(), url: answer.url };
    });
  }

  /**
   * Does something with the server until it succeeds, or more tries are of no use.
   * @param isRepeatable it changes nothing there
   */
  async patiently<T>(signal: AbortSignal | undefined, isRepeatable: boolean, act: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await act();
      } catch (error) {
        if (signal?.aborted) throw error;
        const wait = tries > this.retries ? undefined : this.patienceAfter(error, isRepeatable, tries);
        if (wait === undefined) throw error;
        await this.sleep(wait, signal);
      }
    }
  }

  /** As `text`, of JSON. */
  async json(call: Call): Promise<{ readonly status: number; readonly value: unknown; readonly url: string }> {
    const { status, text, url } = await this.text({
      ...call,
      headers: { accept: 'application/json', ...call.headers },
    });
    try {
      return { status, value: JSON.parse(text), url };
    } catch {
      throw new ClientError('bad_answer', `${url} answers with something other than JSON. Is it a server of Ludic?`, {
        status,
      });
    }
  }

  /**
   * Sends a request once and waits for the head of its answer.
   * @throws ServiceError what the server has against it; ClientError; the signal's reason
   */
  async open(call: Call): Promise<Answer> {
    const { method, path, params, query, headers, body, signal } = call;
    const url = addressOf(this.base, path, params, query);
    signal?.throwIfAborted();
    const way = new Way(url, call.timeoutMs ?? this.#timeoutMs ?? call.usualMs ?? TIMEOUT, signal);
    const answer = await way.guard(async () => {
      const response = await this.#fetch(url, {
        method: method.toUpperCase(),
        headers: {
          ...headers,
          ...this.authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: way.signal,
      });
      return new Answer(response, way);
    });
    if (answer.isGood) return answer;
    throw await refusal(answer, this.#password);
  }

  /**
   * Milliseconds after which what failed for the `tries`-th time may be tried again; undefined where that is of no use.
   * @param first milliseconds of the first pause, where the server has not asked for another
   */
  patienceAfter(error: unknown, isRepeatable: boolean, tries: number, first?: number): number | undefined {
    const { code, status, retryAfter } = error as { code?: string; status?: number; retryAfter?: number };
    const asked = retryAfter === undefined ? undefined : 1000 * retryAfter;
    if (asked !== undefined && asked > LONGEST_RETRY_AFTER) return undefined;
    const broken = error instanceof ClientError && (code === 'unreachable' || code === 'timed_out');
    const isPassing = isRepeatable
      ? broken || (status !== undefined && PASSING.has(status))
      : status !== undefined && NOT_BEGUN.has(status) && asked !== undefined;
    if (!isPassing) return undefined;
    return asked === undefined ? pause(tries, this.random, first) : asked + 500 * this.random.nextFloat();
  }
}

/** A password as UTF-8 in the form that headers take: one character for each byte. */
const inBytes = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
