// A file of a model, piece by piece: a connection that breaks costs nothing that has come already.

import { PartialFile, resumableDownload } from '@ludic/io';
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
  const file = new PartialFile(have);
  const retryOptions = connection.retryOptions(signal, true);
  let url = '';
  let isOpen = false;
  const changed = () => new ClientError('bad_answer', `${url} changed while it was being read. Begin again.`);
  const pieces = resumableDownload(file, {
    ...retryOptions,
    policy: { ...connection.policy, idleTimeout: restMs },
    progressBytes: 1,
    // Without a tag it is unknown whether what would come belongs to what has been handed over.
    asTransient: (error) => (file.bytes > 0 && file.etag === undefined ? error : retryOptions.asTransient(error)),
    async open(range) {
      const headers = { 'accept-encoding': 'identity', ...range };
      const answer = await connection.open({ method: 'get', path, params, headers, signal });
      ({ url } = answer);
      return answer;
    },
    broken(how) {
      if (how === 'long')
        return new ClientError('bad_answer', `${url} sends more than the ${size} bytes that it promised.`);
      if (how === 'short')
        return new ClientError('unreachable', `${url} broke off after ${file.bytes} of ${size} bytes.`);
      return isOpen
        ? changed()
        : new ClientError('bad_answer', `${url} answers with another part of the file than was asked for.`);
    },
  });
  const from = (await pieces.next()).value as number;
  isOpen = true;
  const { size, etag } = file;

  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    let bytes = from;
    for await (const piece of pieces) {
      if (typeof piece === 'number') {
        if (piece !== bytes || file.etag !== etag) throw changed();
        continue;
      }
      bytes += piece.length;
      onProgress?.({ bytes, size });
      yield piece;
    }
  }
  return { size, etag, from, chunks: chunks() };
}
