// A file of a model, piece by piece: a connection that breaks costs nothing that has come already.

import type { Answer } from './answer.ts';
import type { Connection } from './connection.ts';
import { ClientError } from './errors.ts';

/** How a download is followed, stopped, and taken up where an earlier one broke off. */
export interface FileOptions {
  /** Once it is aborted, the download rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Bytes that are here already, of the file with this ETag. */
  readonly have?: { readonly bytes: number; readonly etag: string };
  /** Called with every piece. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly size: number | undefined }) => void;
  /** Milliseconds without any byte after which a connection counts as broken. Default 60 000. */
  readonly restMs?: number;
}

/** A file of a model while it is downloaded. */
export interface ModelFile {
  /** Bytes of the whole file, where the server tells. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
  /** Where `chunks` begins: 0 where the file is no longer the one that was begun. */
  readonly from: number;
  /** Can be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const REST = 60_000;

/**
 * Begins a download, or goes on with one. A connection that breaks is made anew from the last byte.
 * @throws ServiceError, ClientError; the signal's reason
 */
export async function openModelFile(
  connection: Connection,
  path: string,
  params: Readonly<Record<string, string>>,
  { signal, have, onProgress, restMs = REST }: FileOptions,
): Promise<ModelFile> {
  const ask = (bytes: number, etag: string | undefined) =>
    connection.withRetries(signal, true, () =>
      connection.open({
        method: 'get',
        path,
        params,
        headers: {
          'accept-encoding': 'identity',
          ...(bytes > 0 && etag !== undefined && { range: `bytes=${bytes}-`, 'if-range': etag }),
        },
        signal,
      }),
    );
  const first = await ask(have?.bytes ?? 0, have?.etag);
  const etag = first.headers.get('etag') ?? undefined;
  const from = startOf(first);
  if (from !== 0 && from !== have?.bytes) {
    await first.discard();
    throw new ClientError('bad_answer', `${first.url} answers with another part of the file than was asked for.`);
  }
  const size = sizeOf(first);

  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    let bytes = from;
    for (let answer = first, fruitless = 0; ; ) {
      const before = bytes;
      try {
        for await (const chunk of answer.chunks(restMs)) {
          bytes += chunk.length;
          if (size !== undefined && bytes > size)
            throw new ClientError('bad_answer', `${answer.url} sends more than the ${size} bytes that it promised.`);
          onProgress?.({ bytes, size });
          yield chunk;
        }
        if (size === undefined || bytes === size) return;
        throw new ClientError('unreachable', `${answer.url} broke off after ${bytes} of ${size} bytes.`);
      } catch (error) {
        signal?.throwIfAborted();
        fruitless = bytes > before ? 1 : fruitless + 1;
        const wait = connection.retryDelay(error, true, fruitless);
        if (etag === undefined || wait === undefined || fruitless > connection.retries) throw error;
        await connection.sleep(wait, signal);
      }
      answer = await ask(bytes, etag);
      if (startOf(answer) !== bytes) {
        await answer.discard();
        throw new ClientError('bad_answer', `${answer.url} changed while it was being read. Begin again.`);
      }
    }
  }
  return { size, etag, from, chunks: chunks() };
}

function startOf({ status, headers }: Answer): number {
  if (status !== 206) return 0;
  const [, start] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? [];
  return start === undefined ? Number.NaN : Number(start);
}

function sizeOf({ status, headers }: Answer): number | undefined {
  const [, all] = /\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (all !== undefined) return Number(all);
  const length = headers.get('content-length');
  // The length of what is packed says nothing about the file.
  const isPacked = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  return status === 200 && length !== null && !isPacked ? Number(length) : undefined;
}
