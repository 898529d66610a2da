// What is too large for a message, in the object store: named by its run and its SHA-256, so that nothing is sent twice and
// nothing else is taken for it.

import { createHash } from 'node:crypto';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { ObjectStore } from '@nats-io/obj';
import { BUCKET, MESSAGE_BYTES } from './names.ts';

/** Milliseconds without a byte after which a fetch counts as failed: what was removed meanwhile never comes. */
const SILENCE = 20_000;

export function hashOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

const nameOf = (run: string, sha256: string) => `${run}/${sha256}`;

/** The bytes in pieces that the store takes as they are. */
function* cut(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const part of parts)
    for (let at = 0; at < part.length; at += MESSAGE_BYTES) yield part.subarray(at, at + MESSAGE_BYTES);
}

/** The coordinator's side. */
export class BlobWriter {
  readonly #store: ObjectStore;
  readonly #manager: JetStreamManager;
  readonly #run: string;

  constructor(store: ObjectStore, manager: JetStreamManager, run: string) {
    this.#store = store;
    this.#manager = manager;
    this.#run = run;
  }

  /** Stores the bytes unless they are there. */
  async put(sha256: string, parts: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<void> {
    if (await this.has(sha256)) return;
    const meta = { name: nameOf(this.#run, sha256), options: { max_chunk_size: MESSAGE_BYTES } };
    await this.#store.put(meta, ReadableStream.from(Symbol.iterator in parts ? cut(parts) : parts) as never);
  }

  async has(sha256: string): Promise<boolean> {
    const info = await this.#store.info(nameOf(this.#run, sha256));
    return info !== null && !info.deleted;
  }

  async remove(sha256: string): Promise<void> {
    await this.#removeNamed(nameOf(this.#run, sha256));
  }

  /** Removes all of the run but what is named, and what a put that was cut off has left. */
  async keepOnly(kept: ReadonlySet<string>): Promise<void> {
    const known = await this.#store.list();
    const own = known.filter(({ name }) => name.startsWith(`${this.#run}/`));
    for (const { name } of own) if (!kept.has(name.slice(this.#run.length + 1))) await this.#removeNamed(name);
    // Chunks do not say whose they are: those of another run may belong to a put that goes on.
    if (own.length < known.length) return;
    const whole = new Set(known.map(({ nuid }) => nuid));
    const chunks = await this.#manager.streams.info(`OBJ_${BUCKET}`, { subjects_filter: `$O.${BUCKET}.C.>` });
    for (const subject of Object.keys(chunks.state.subjects ?? {}))
      if (!whole.has(subject.split('.').at(-1)!)) await this.#purge(subject);
  }

  async #removeNamed(name: string): Promise<void> {
    await this.#store.delete(name);
    // The store keeps a mark for each name that it once had.
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await this.#purge(`$O.${BUCKET}.M.${encoded}`);
  }

  async #purge(subject: string): Promise<void> {
    await this.#manager.streams.purge(`OBJ_${BUCKET}`, { filter: subject });
  }
}

/** The bytes are not there: their task is an old one. */
export class BlobGone extends Error {}

/**
 * Reads what a run has stored, part by part, and checks it behind the last part.
 * @param most bytes that are taken
 * @throws BlobGone
 */
export async function* readBlob(
  store: ObjectStore,
  run: string,
  sha256: string,
  most: number,
): AsyncGenerator<Uint8Array> {
  const found = await store.get(nameOf(run, sha256));
  if (!found) throw new BlobGone(`${sha256} is not stored`);
  if (found.info.size > most) throw new Error(`What a task names has ${found.info.size} bytes, more than ${most}.`);
  found.error.catch(() => {});
  const hash = createHash('sha256');
  const reader = found.data.getReader();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read());
      if (done) break;
      hash.update(value);
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  if (hash.digest('hex') !== sha256) throw new Error('What a task names has another hash than its name.');
}

/** The same as one array. @throws BlobGone */
export async function readWhole(store: ObjectStore, run: string, sha256: string, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of readBlob(store, run, sha256, most)) parts.push(part);
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function withinSilence<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new BlobGone('what a task names does not come')), SILENCE);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
