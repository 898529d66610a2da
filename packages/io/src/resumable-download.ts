// A file that comes over connections that break. What is here is not asked for again where the server has the very same
// file still; otherwise the file begins anew, so that two versions are never mixed.

import type { Answer } from './answer.ts';
import { type FetchPolicy, PROGRESS_BYTES, type RetryOptions, retryPauses } from './retry.ts';

/** How much of a file is here, and of which version. */
export class PartialFile {
  readonly #promised: number | undefined;
  /** Those that are here, from the first on. */
  bytes = 0;
  /** Bytes of the whole; undefined where it is not known. */
  size: number | undefined;
  /** The tag of the version that is here, as the server writes it. */
  etag: string | undefined;

  /**
   * @param promised bytes of a file of which the caller checks the whole: then any server's rest will do, and else a rest
   * must have the same strong tag
   */
  constructor(here: { readonly bytes?: number; readonly etag?: string } = {}, promised?: number) {
    this.bytes = here.bytes ?? 0;
    this.etag = here.etag;
    this.size = promised;
    this.#promised = promised;
  }

  /** Headers of a request for what is missing; none where all of it is to come. */
  get range(): Readonly<Record<string, string>> {
    if (this.bytes === 0) return {};
    const range = `bytes=${this.bytes}-`;
    if (this.#promised !== undefined) return { range };
    // A weak tag promises no equal bytes.
    return this.etag?.startsWith('"') ? { range, 'if-range': this.etag } : {};
  }

  /** Nothing is here any more. */
  restart(): void {
    this.bytes = 0;
    this.size = this.#promised;
    this.etag = undefined;
  }

  /**
   * Takes note of an answer that brings the whole or the rest.
   * @returns false where it brings something else: then the file begins anew
   */
  begin({ status, headers }: Pick<Answer, 'status' | 'headers'>): boolean {
    // The length of an answer that was compressed on its way says nothing about the file, and its parts are others.
    const isEncoded = (headers.get('content-encoding') ?? 'identity') !== 'identity';
    const etag = headers.get('etag') ?? undefined;
    if (status === 206) {
      const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
      const size = total === '*' ? this.size : Number(total);
      const isSame = this.#promised !== undefined || (etag !== undefined && etag === this.etag);
      if (isSame && !isEncoded && Number(start) === this.bytes && (this.size ?? size) === size) {
        this.size = size;
        return true;
      }
    }
    this.restart();
    if (status === 206 || status === 416) return false;
    if (isEncoded) return true;
    const length = headers.get('content-length');
    this.size ??= length === null ? undefined : Number(length);
    this.etag = etag;
    return true;
  }
}

/** Where a download comes from, and what its failures are called. */
export interface DownloadOptions extends RetryOptions {
  /** `idleTimeout` is for the body of an answer. */
  readonly policy: FetchPolicy;
  /** Bytes that a failed attempt must have brought for the failures to be counted from the beginning. */
  readonly progressBytes?: number;
  /** @param range headers to send along; answers with a status of success, or 416 */
  readonly open: (range: Readonly<Record<string, string>>) => Promise<Answer>;
  /**
   * The error of an answer that ends too `short`, is too `long`, or goes on with a file that has `changed`; another attempt
   * follows where it may pass.
   */
  readonly broken: (how: 'short' | 'long' | 'changed') => Error;
}

/**
 * Brings a file whole, over as many connections as that takes. Yields where the bytes that follow belong, first and after
 * every break (0: all that came before is void), and the bytes as they come. `file` counts them.
 * @throws what `open` rejects with, what `broken` returns, as `retry` does; the reason of the signal
 */
export async function* resumableDownload(
  file: PartialFile,
  { policy, open, broken, progressBytes = PROGRESS_BYTES, ...options }: DownloadOptions,
): AsyncGenerator<number | Uint8Array, void, void> {
  const pause = retryPauses(policy, options);
  for (let most = file.bytes; file.bytes !== file.size; ) {
    try {
      const answer = await open(file.range);
      try {
        if (!file.begin(answer)) throw broken('changed');
        yield file.bytes;
        for await (const chunk of answer.chunks(policy.idleTimeout)) {
          file.bytes += chunk.length;
          if (file.bytes > (file.size ?? Number.POSITIVE_INFINITY)) {
            file.restart();
            throw broken('long');
          }
          yield chunk;
        }
      } finally {
        await answer.discard();
      }
      if (file.bytes === (file.size ?? file.bytes)) return;
      throw broken('short');
    } catch (error) {
      const gained = file.bytes - most;
      most = Math.max(most, file.bytes);
      await pause(error, gained >= progressBytes);
    }
  }
}
