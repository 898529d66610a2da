// A file behind a URL, for browsers: what is sent, and what its failures are called.

import {
  type Answer,
  askedWait,
  type FetchPolicy,
  isTransientStatus,
  openAnswer,
  PartialFile,
  resumableDownload,
  TransientError,
} from '@ludic/io';
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

/** The answer of a server that has no such file. */
class MissingFile extends Error {}

/**
 * The file behind a URL, undefined where there is none. Its bytes are handed over as they come.
 * @throws ModelError `not_fetched`, after several tries; `not_allowed`; the reason of the signal, at once
 */
export async function fetchModelFile(
  url: string,
  file: string,
  { headers, onProgress, signal, policy = POLICY }: FetchOptions = {},
): Promise<Blob | undefined> {
  const failed = (why: string, cause?: unknown) =>
    new ModelError('not_fetched', `${file} could not be fetched: ${why} Try again.`, { cause });
  const named = (error: unknown, passed: number | undefined) => {
    const isSilent = passed !== undefined;
    const failure = failed(isSilent ? 'the server fell silent.' : `${(error as Error).message}.`, error);
    // Networks fail as TypeErrors.
    return isSilent || error instanceof TypeError ? new TransientError(failure) : failure;
  };
  const part = new PartialFile();
  const pieces = resumableDownload(part, {
    policy,
    signal,
    async open(range) {
      const sent = new Headers({ ...headers, ...range });
      // Browsers first ask another origin for leave to send it, as they do for the headers of a caller, but not for a
      // range alone: a hub need not know it. Whether the answer goes on with the same file is looked at in any case.
      if (!headers) sent.delete('if-range');
      const answer = await openAnswer({ url, limit: policy.idleTimeout, signal, named }, (signal) =>
        fetch(url, { headers: sent, signal }),
      );
      const refusal = refusalOf(answer, file, failed);
      if (!refusal) return answer;
      await answer.discard();
      throw refusal;
    },
    broken: (how) =>
      new TransientError(
        failed(
          how === 'changed'
            ? 'it is another file than it was when it began to come.'
            : `only ${part.bytes} of ${part.size} bytes came.`,
        ),
      ),
  });
  let parts: Blob[] = [];
  try {
    for await (const piece of pieces) {
      if (piece === 0) parts = [];
      if (typeof piece === 'number') continue;
      parts.push(new Blob([piece as BlobPart]));
      onProgress?.({ file, loaded: part.bytes, total: part.size });
    }
    return new Blob(parts);
  } catch (error) {
    if (error instanceof MissingFile) return undefined;
    throw error;
  }
}

/** Why an answer is not read; undefined where it is. */
function refusalOf(
  { ok, status, headers }: Answer,
  file: string,
  failed: (why: string) => ModelError,
): Error | undefined {
  // Servers of single pages answer with their page where a file is missing.
  const isPage = ok && headers.get('content-type')?.startsWith('text/html');
  if (status === 404 || status === 410 || isPage) return new MissingFile();
  if (status === 401 || status === 403)
    return new ModelError('not_allowed', `${file} could not be fetched: the server refuses it (${status}).`);
  if (ok || status === 416) return undefined;
  const failure = failed(`the server answers ${status}.`);
  return isTransientStatus(status) ? new TransientError(failure, askedWait(headers)) : failure;
}
