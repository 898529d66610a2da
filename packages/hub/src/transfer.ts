// One file from the Hub into the cache. What arrives goes to blobs/ETAG.incomplete, so that a broken transfer goes on
// where it stopped; it becomes blobs/ETAG when its checksum is right, and not before.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import {
  type Answer,
  type FetchPolicy,
  openAnswer,
  PartialFile,
  type Retry,
  resumableDownload,
  TransientError,
} from '@ludic/io';
import { writeSynced } from '@ludic/io/node';
import { type Asking, connectionError, host, refusal } from './answers.ts';
import { fileError, HubError } from './errors.ts';
import { send } from './request.ts';

export interface RemoteFile {
  readonly file: string;
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  /** Hex: the SHA-256 of the bytes of a large file (64 digits), the name that git gives to others (40 digits). */
  readonly etag: string;
}

export interface TransferOptions {
  readonly asking: Asking;
  readonly policy: FetchPolicy;
  /** Bytes of the file that are here; falls back where a server does not resume. */
  readonly onBytes: (bytes: number) => void;
  readonly onRetry: (retry: Retry) => void;
}

/**
 * @param blob where the file goes
 * @throws HubError `cut_off` and others; all but `bad_checksum` leave what has arrived for another time
 */
export async function transfer(source: RemoteFile, blob: string, options: TransferOptions): Promise<void> {
  const incomplete = `${blob}.incomplete`;
  try {
    await writeSynced(incomplete, 'a+', (handle) => new Transfer(source, handle, incomplete, options).run());
    await rename(incomplete, blob);
  } catch (error) {
    if (error instanceof HubError && error.code === 'bad_checksum') await rm(incomplete, { force: true });
    throw fileError(error, incomplete);
  }
}

/** Bytes of a file that are read at once. */
const BLOCK = 2 ** 20;

class Transfer {
  readonly #source: RemoteFile;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #options: TransferOptions;
  readonly #part: PartialFile;
  #sum: Hash;

  constructor(source: RemoteFile, file: FileHandle, path: string, options: TransferOptions) {
    this.#source = source;
    this.#file = file;
    this.#path = path;
    this.#options = options;
    this.#part = new PartialFile({}, source.size);
    this.#sum = newSum(source);
  }

  async run(): Promise<void> {
    const { size, etag } = this.#source;
    for (let found = await this.#adopt(); ; found = 0) {
      await this.#fetchRest();
      if (this.#sum.digest('hex') === etag) return;
      if (found === 0) throw this.#wrong(`its ${size} bytes have another checksum than the Hub gives`);
      // What lay there may have been the wrong part: once more, all of it.
      this.#part.restart();
    }
  }

  /** Takes up what an earlier transfer has left. @returns its bytes */
  async #adopt(): Promise<number> {
    const { size } = await this.#file.stat();
    if (size > this.#source.size) await this.#file.truncate(0);
    else if (size > 0) {
      for await (const chunk of createReadStream(this.#path, { end: size - 1, highWaterMark: BLOCK })) {
        this.#sum.update(chunk);
        this.#part.bytes += chunk.length;
      }
    }
    this.#options.onBytes(this.#part.bytes);
    return this.#part.bytes;
  }

  async #fetchRest(): Promise<void> {
    const { policy, onRetry, onBytes } = this.#options;
    const pieces = resumableDownload(this.#part, {
      policy,
      onRetry,
      open: (range) => this.#open(range),
      broken: (how) =>
        how === 'long' ? this.#wrong(`more than its ${this.#source.size} bytes arrive`) : this.#cut(undefined),
    });
    for await (const piece of pieces) {
      if (piece === 0) {
        this.#sum = newSum(this.#source);
        if ((await this.#file.stat()).size > 0) await this.#file.truncate(0);
      }
      if (typeof piece === 'number') continue;
      await this.#file.write(piece);
      this.#sum.update(piece);
      onBytes(this.#part.bytes);
    }
  }

  async #open(range: Readonly<Record<string, string>>): Promise<Answer> {
    const { url } = this.#source;
    const { asking, policy } = this.#options;
    const named = (error: unknown) => {
      const transient = connectionError(error, asking);
      return transient?.failure.code === 'cut_off' ? this.#cut(error) : (transient ?? error);
    };
    const headers = new Headers({ 'accept-encoding': 'identity', ...range });
    const answer = await openAnswer({ url, limit: policy.idleTimeout, named }, (signal) =>
      send(url, { method: 'GET', headers, signal }, asking),
    );
    if (answer.ok || answer.status === 416) return answer;
    throw await refusal(answer, asking);
  }

  #cut(cause: unknown): TransientError {
    const { file, size } = this.#source;
    const sentence = `The connection to ${host(this.#options.asking)} breaks again and again: ${this.#part.bytes} of ${size} bytes of ${file} are here and kept. Run the same command again to go on from there.`;
    return new TransientError(new HubError('cut_off', sentence, { cause }));
  }

  #wrong(what: string): HubError {
    return new HubError(
      'bad_checksum',
      `${this.#source.file} from ${host(this.#options.asking)} is damaged: ${what}. It was removed; run the same command again, and where that does not help, ask the publisher of the model.`,
    );
  }
}

/** Git names a file by the SHA-1 of a line with its size, then its bytes. */
const newSum = ({ etag, size }: RemoteFile): Hash =>
  etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
