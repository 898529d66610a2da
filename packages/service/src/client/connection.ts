// One server as a client sees it: requests with a password, a time limit and retries, and what comes back of them.

import {
  type Answer,
  isTransientStatus,
  openAnswer,
  type RetryOptions,
  type RetryPolicy,
  retry,
  type Sleep,
  TransientError,
} from '@ludic/io';
import { type RandomStream, stream } from '@ludic/random';
import { addressOf } from './address.ts';
import { parseBaseUrl } from './base-url.ts';
import { ClientError } from './errors.ts';
import { refusal } from './refusal.ts';

/** How a client reaches its server. */
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
/** Where the server asks to wait longer, the caller gets the error instead. */
const PAUSES: Omit<RetryPolicy, 'attempts'> = { firstPause: 500, longestPause: 30_000, longestWait: 60_000 };
/** Answers that say that nothing was begun, where they also say when to come again. */
const NOT_BEGUN = new Set([429, 503]);

export class Connection {
  readonly base: URL;
  /** How often, and after which pauses, what may pass is tried again. */
  readonly policy: RetryPolicy;
  readonly #random: RandomStream;
  readonly #sleep: Sleep | undefined;
  readonly #password: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number | undefined;

  /** @throws ClientError `bad_base_url`, `insecure` */
  constructor(options: ConnectionOptions) {
    this.base = parseBaseUrl(options.baseUrl, options.allowHttp ?? false);
    this.policy = { ...PAUSES, attempts: 1 + (options.retries ?? RETRIES) };
    this.#random = stream(options.seed ?? 0, 'client');
    this.#sleep = options.sleep;
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
    return this.withRetries(call.signal, call.method === 'get', async () => {
      const answer = await this.open(call);
      return { status: answer.status, text: await answer.text(), url: answer.url };
    });
  }

  /**
   * Does something with the server until it succeeds, or more tries are of no use.
   * @param isRepeatable it changes nothing there
   */
  withRetries<T>(signal: AbortSignal | undefined, isRepeatable: boolean, act: () => Promise<T>): Promise<T> {
    return retry(this.policy, act, this.retryOptions(signal, isRepeatable));
  }

  /** For attempts under `policy`. @param isRepeatable they change nothing there */
  retryOptions(signal: AbortSignal | undefined, isRepeatable: boolean) {
    return {
      signal,
      sleep: this.#sleep,
      random: () => this.#random.nextFloat(),
      asTransient: (error: unknown) => asTransient(error, isRepeatable),
    } satisfies RetryOptions;
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
    const limit = call.timeoutMs ?? this.#timeoutMs ?? call.usualMs ?? TIMEOUT;
    const answer = await openAnswer({ url: url.href, limit, signal, named: namedBy(url.href) }, (signal) =>
      this.#fetch(url, {
        method: method.toUpperCase(),
        headers: {
          ...headers,
          ...this.authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      }),
    );
    if (answer.ok) return answer;
    throw await refusal(answer, this.#password);
  }
}

/** What a failed attempt is to `retry`. */
function asTransient(error: unknown, isRepeatable: boolean): unknown {
  const { code, status, retryAfter } = error as { code?: string; status?: number; retryAfter?: number };
  const broken = error instanceof ClientError && (code === 'unreachable' || code === 'timed_out');
  const isPassing = isRepeatable
    ? broken || (status !== undefined && isTransientStatus(status))
    : status !== undefined && NOT_BEGUN.has(status) && retryAfter !== undefined;
  if (!isPassing) return error;
  return new TransientError(error as Error, retryAfter === undefined ? undefined : 1000 * retryAfter);
}

/** What a failure of `fetch` is called. @param passed milliseconds of the time limit, where it has passed */
const namedBy = (url: string) => (error: unknown, passed: number | undefined) => {
  const { cause } = error as { cause?: unknown };
  const { code } = (cause ?? error) as { code?: string };
  if (passed !== undefined || /^UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT$/.test(code ?? '')) {
    const after = passed === undefined ? ' in time' : ` within ${Number((passed / 1000).toPrecision(3))} s`;
    return new ClientError('timed_out', `${url} did not answer${after}.`, { cause: error });
  }
  const why = code ?? (error instanceof Error ? error.message : String(error));
  return new ClientError(
    'unreachable',
    `${url} gave no whole answer (${why}). Is that the address, and does a server run there?`,
    { cause: error },
  );
};

/** A password as UTF-8 in the form that headers take: one character for each byte. */
const inBytes = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
