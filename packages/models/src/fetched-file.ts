// A file behind a URL, for browsers. A connection that breaks costs nothing that has come: the rest is asked for, where the
// server has the very same file still and says so by its tag, and all of it anew otherwise.

import { askedWait, type FetchPolicy, isTransientStatus, PROGRESS_BYTES, retry, TransientError } from '@ludic/io';
import { ModelError } from './errors.ts';

/** How far the fetching of a model's files is. */
export interface FetchProgress {
  readonly file: string;
  /** Bytes of this file that are here; falls back where it has to begin anew. */
  readonly loaded: number;
  /** Undefined where the server does not tell. */
  readonly total: number | undefined;
}

/** How a file is fetched: headers, progress, cancellation, retries. */
export interface FetchOptions {
  /** Sent with every question, such as a password. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  /** By default attempts end after some ten seconds: a person waits for them. */
  readonly policy?: FetchPolicy;
}

const POLICY: FetchPolicy = {
  attempts: 5,
  firstPause: 750,
  longestPause: 20_000,
  longestWait: 20_000,
  idleTimeout: 30_000,
};

/**
 * The file behind a URL, undefined where there is none. Its bytes are handed over as they come.
 * @throws ModelError `not_fetched`, after several tries; `not_allowed`; the reason of the signal, at once
 */
export function fetchModelFile(url: string, file: string, options: FetchOptions = {}): Promise<Blob | undefined> {
  const { policy = POLICY, signal } = options;
  const fetching = new Fetching(url, file, options, policy.idleTimeout);
  return retry(policy, () => fetching.attempt(), { progressed: () => fetching.progressed(), signal });
}

class Fetching {
  readonly #url: string;
  readonly #file: string;
  readonly #options: FetchOptions;
  readonly #silence: number;
  #parts: Blob[] = [];
  /** Bytes that are here. */
  #have = 0;
  /** The most that were here when an attempt failed. */
  #most = 0;
  /** Bytes of the file. */
  #total: number | undefined;
  /** Of what is here; undefined where it is unknown whether the rest belongs to it. */
  #etag: string | undefined;

  constructor(url: string, file: string, options: FetchOptions, silence: number) {
    this.#url = url;
    this.#file = file;
    this.#options = options;
    this.#silence = silence;
  }

  /** @throws TransientError, after which another attempt goes on; ModelError */
  async attempt(): Promise<Blob | undefined> {
    const { signal } = this.#options;
    const silence = new AbortController();
    const rest = () => setTimeout(() => silence.abort(), this.#silence);
    let timer = rest();
    const onChunk = () => {
      clearTimeout(timer);
      timer = rest();
    };
    try {
      return await this.#receive(signal ? AbortSignal.any([signal, silence.signal]) : silence.signal, onChunk);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ModelError || error instanceof TransientError) throw error;
      const failure = this.#failed(
        silence.signal.aborted ? 'the server fell silent.' : `${(error as Error).message}.`,
        error,
      );
      // Networks fail as TypeErrors.
      throw silence.signal.aborted || error instanceof TypeError ? new TransientError(failure) : failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the attempt that failed has brought much. */
  progressed(): boolean {
    const gained = this.#have - this.#most;
    this.#most = Math.max(this.#most, this.#have);
    return gained >= PROGRESS_BYTES;
  }

  async #receive(signal: AbortSignal, onChunk: () => void): Promise<Blob | undefined> {
    const response = await fetch(this.#url, { headers: this.#headers(), signal });
    const { status, headers, body } = response;
    const refuse = async <T extends Error>(error: T): Promise<T> => {
      await body?.cancel();
      return error;
    };
    // Servers of single pages answer with their page where a file is missing.
    const isPage = response.ok && headers.get('content-type')?.startsWith('text/html');
    if (status === 404 || status === 410 || isPage) {
      await body?.cancel();
      return undefined;
    }
    if (status === 401 || status === 403)
      throw await refuse(
        new ModelError('not_allowed', `${this.#file} could not be fetched: the server refuses it (${status}).`),
      );
    if (status === 416 || (status === 206 && !this.#goesOn(headers))) {
      this.#restart();
      throw await refuse(new TransientError(this.#failed('it is another file than it was when it began to come.')));
    }
    if (!response.ok) {
      const failure = this.#failed(`the server answers ${status}.`);
      const mayPass = isTransientStatus(status);
      throw await refuse(mayPass ? new TransientError(failure, askedWait(headers)) : failure);
    }
    if (status !== 206) this.#begin(headers);
    for (const reader = body!.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      onChunk();
      this.#parts.push(new Blob([value]));
      this.#have += value.length;
      this.#options.onProgress?.({ file: this.#file, loaded: this.#have, total: this.#total });
    }
    const [have, total] = [this.#have, this.#total];
    if (total === undefined || have === total) return new Blob(this.#parts);
    if (have > total) this.#restart();
    throw new TransientError(this.#failed(`only ${have} of ${total} bytes came.`));
  }

  #headers(): Headers {
    const headers = new Headers(this.#options.headers);
    if (this.#have === 0 || this.#etag === undefined) return headers;
    headers.set('range', `bytes=${this.#have}-`);
    // Browsers first ask another origin for leave to send it, as they do for the headers of a caller, but not for a range
    // alone: a hub need not know it. Whether the answer goes on with the same file is looked at in any case.
    if (this.#options.headers) headers.set('if-range', this.#etag);
    return headers;
  }

  /** A whole file comes. */
  #begin(headers: Headers): void {
    this.#restart();
    // The length of an answer that was compressed on its way says nothing about the file, and its parts are others.
    if (headers.get('content-encoding') !== null) return;
    const length = headers.get('content-length');
    if (length !== null) this.#total = Number(length);
    const etag = headers.get('etag');
    // A weak tag promises no equal bytes.
    if (etag?.startsWith('"')) this.#etag = etag;
  }

  /** Whether a part that comes is the rest of what is here. */
  #goesOn(headers: Headers): boolean {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(start) !== this.#have || headers.get('content-encoding') !== null) return false;
    if (this.#etag === undefined || headers.get('etag') !== this.#etag) return false;
    if (total === '*') return true;
    const isSame = this.#total === undefined || this.#total === Number(total);
    this.#total = Number(total);
    return isSame;
  }

  #restart(): void {
    this.#parts = [];
    this.#have = 0;
    this.#total = undefined;
    this.#etag = undefined;
  }

  #failed(why: string, cause?: unknown): ModelError {
    return new ModelError('not_fetched', `${this.#file} could not be fetched: ${why} Try again.`, { cause });
  }
}
