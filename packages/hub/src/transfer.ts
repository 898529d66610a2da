// One file from the Hub into the cache. What arrives goes to blobs/ETAG.incomplete, so that a broken transfer goes on
// where it stopped; it becomes blobs/ETAG when its checksum is right, and not before.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FetchPolicy, PROGRESS_BYTES, type Retry, retry, TransientError } from '@ludic/io';
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
    await mkdir(dirname(blob), { recursive: true });
    const handle = await open(incomplete, 'a+');
    try {
      await new Transfer(source, handle, incomplete, options).run();
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(incomplete, blob);
  } catch (error) {
    if (error instanceof HubError && error.code === 'bad_checksum') await rm(incomplete, { force: true });
    throw fileError(error, incomplete);
  }
}

class Transfer {
  readonly #source: RemoteFile;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #options: TransferOptions;
  #sum: Hash;
  /** Bytes that are here. */
  #have = 0;
  #haveAtFailure = 0;

  constructor(source: RemoteFile, file: FileHandle, path: string, options: TransferOptions) {
    this.#source = source;
    this.#file = file;
    this.#path = path;
    this.#options = options;
    this.#sum = newSum(source);
  }

  async run(): Promise<void> {
    const { size, etag } = this.#source;
    const found = await this.#adopt();
    await this.#fetchAll();
    if (this.#sum.digest('hex') === etag) return;
    // What lay there may have been the wrong part: once more, all of it.
    if (found > 0) {
      await this.#restart();
      await this.#fetchAll();
      if (this.#sum.digest('hex') === etag) return;
    }
    throw this.#wrong(`its ${size} bytes have another checksum than the Hub gives`);
  }

  /** Takes up what an earlier transfer has left. @returns its bytes */
  async #adopt(): Promise<number> {
    const { size } = await this.#file.stat();
    if (size > this.#source.size) await this.#restart();
    else if (size > 0) {
      for await (const chunk of createReadStream(this.#path, { end: size - 1, highWaterMark: PROGRESS_BYTES }))
        this.#take(chunk);
    }
    this.#haveAtFailure = this.#have;
    this.#options.onBytes(this.#have);
    return this.#have;
  }

  async #restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#sum = newSum(this.#source);
    this.#have = 0;
    this.#haveAtFailure = 0;
  }

  #take(chunk: Uint8Array): void {
    this.#sum.update(chunk);
    this.#have += chunk.length;
  }

  async #fetchAll(): Promise<void> {
    const { policy, onRetry } = this.#options;
    const progressed = () => {
      const gained = this.#have - this.#haveAtFailure;
      this.#haveAtFailure = this.#have;
      return gained >= PROGRESS_BYTES;
    };
    await retry(policy, () => this.#attempt(), { progressed, onRetry });
  }

  async #attempt(): Promise<void> {
    const { size } = this.#source;
    if (this.#have === size) return;
    const { asking, policy } = this.#options;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), policy.idleTimeout);
    try {
      await this.#receive(silence.signal, () => timer.refresh());
    } catch (error) {
      const transient = connectionError(error, asking);
      throw transient?.failure.code === 'cut_off' ? this.#cut(error) : (transient ?? error);
    } finally {
      clearTimeout(timer);
    }
    if (this.#have < size) throw this.#cut(undefined);
  }

  async #receive(signal: AbortSignal, onChunk: () => void): Promise<void> {
    const { url, size } = this.#source;
    const { asking, onBytes } = this.#options;
    const headers = new Headers({ 'accept-encoding': 'identity' });
    if (this.#have > 0) headers.set('range', `bytes=${this.#have}-`);
    const response = await send(url, { method: 'GET', headers, signal }, asking);
    if (response.status === 416 || (response.status === 206 && !startsAt(response, this.#have))) {
      await response.body?.cancel();
      await this.#restart();
      throw this.#cut(undefined);
    }
    if (!response.ok) throw await refusal(response, asking);
    // Whole, although a part was asked for.
    if (this.#have > 0 && response.status !== 206) await this.#restart();
    for await (const chunk of response.body ?? []) {
      onChunk();
      if (this.#have + chunk.length > size) throw this.#wrong(`more than its ${size} bytes arrive`);
      await this.#file.write(chunk);
      this.#take(chunk);
      onBytes(this.#have);
    }
  }

  #cut(cause: unknown): TransientError {
    const { file, size } = this.#source;
    const sentence = `The connection to ${host(this.#options.asking)} breaks again and again: ${this.#have} of ${size} bytes of ${file} are here and kept. Run the same command again to go on from there.`;
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

const startsAt = ({ headers }: Response, start: number) =>
  headers.get('content-range')?.startsWith(`bytes ${start}-`) ?? false;
