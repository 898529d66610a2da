// The passwords that count: the one of LUDIC_PASSWORD_HASH, or those of a file that is read again when it changes. A new
// file that is broken, half-written or missing changes nothing: the log says so once, and the earlier passwords stay.

import { createHmac, randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { StartupError } from '../startup-error.ts';
import { decoyOf, type PasswordHash } from './hash.ts';
import { isName, type PasswordEntry, parsePasswordLines, parsePasswordVariable } from './password-lines.ts';

const CHECK_EVERY_MS = 1000;
const MOST_FILE_BYTES = 256 * 1024;

interface PasswordSettings {
  /** LUDIC_PASSWORD_HASH */
  readonly hash?: string | undefined;
  /** --password-file, or LUDIC_PASSWORD_FILE */
  readonly file?: string | undefined;
  /** Called with a sentence for the log: new passwords hold, or why they do not. */
  readonly onNews?: (kind: 'changed' | 'kept', sentence: string) => void;
}

/** One hash to try a presented password against; `entry` is missing where no password can fit. */
interface Candidate {
  readonly hash: PasswordHash;
  readonly password: string;
  readonly entry?: PasswordEntry;
}

const NAMELESS = 'password';
/** The name in logs and in `context.var.who`. */
export const nameOf = (entry: PasswordEntry) => entry.name ?? NAMELESS;

/** The passwords at one moment. Another object means that they have changed. */
export class PasswordSet {
  readonly entries: readonly PasswordEntry[];
  readonly #named: ReadonlyMap<string, PasswordEntry>;
  readonly #decoys: readonly PasswordHash[];
  readonly #key = randomBytes(32);

  constructor(entries: readonly PasswordEntry[]) {
    this.entries = entries;
    this.#named = new Map(entries.flatMap((entry) => (entry.name === undefined ? [] : [[entry.name, entry] as const])));
    this.#decoys = entries.map(({ hash }) => decoyOf(hash));
  }

  /**
   * What a presented text must be tried against. `name:password` costs one verification, and so does an unknown name:
   * it gets the costs of a line that its name chooses under a key. Text without a name is tried against every
   * line. So a password that holds a colon after what could be a name must be presented with its own name, unless the
   * server has one password without a name.
   */
  candidates(presented: string): readonly Candidate[] {
    const colon = presented.indexOf(':');
    const name = presented.slice(0, Math.max(0, colon));
    if (this.#named.size === 0 || !isName(name))
      return this.entries.map((entry) => ({ entry, hash: entry.hash, password: presented }));
    const password = presented.slice(colon + 1);
    const entry = this.#named.get(name);
    const chosen = createHmac('sha256', this.#key).update(name).digest().readUInt32BE() % this.#decoys.length;
    return [entry ? { entry, hash: entry.hash, password } : { hash: this.#decoys[chosen]!, password }];
  }
}

export class Passwords {
  #current: PasswordSet;
  readonly #file: string | undefined;
  readonly #onNews: NonNullable<PasswordSettings['onNews']>;
  /** The stamp whose content holds, or was refused. */
  #judged: string;
  /** The stamp of the last look. */
  #seen: string;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  private constructor(set: PasswordSet, file: string | undefined, stamp: string, settings: PasswordSettings) {
    this.#current = set;
    this.#file = file;
    this.#judged = stamp;
    this.#seen = stamp;
    this.#onNews = settings.onNews ?? (() => {});
    if (file !== undefined) this.#timer = setInterval(() => void this.look(), CHECK_EVERY_MS).unref();
  }

  /** @throws StartupError where there is no password, or what there is cannot be used */
  static async open(settings: PasswordSettings): Promise<Passwords> {
    const hash = settings.hash?.trim() || undefined;
    const file = settings.file?.trim() || undefined;
    if (hash !== undefined && file !== undefined)
      throw new StartupError(
        'no_password',
        'There are both LUDIC_PASSWORD_HASH and a password file. Leave one out, so that it is clear which counts.',
      );
    if (hash !== undefined)
      return new Passwords(new PasswordSet([parsePasswordVariable(hash)]), undefined, '', settings);
    if (file === undefined)
      throw new StartupError(
        'no_password',
        'The server has no password and does not start without one. Make a hash with `ludic hash-password` and set LUDIC_PASSWORD_HASH to it, or give --password-file a file of name:hash lines.',
      );
    try {
      const { entries, stamp } = await readLines(file);
      return new Passwords(new PasswordSet(entries), file, stamp, settings);
    } catch (error) {
      throw new StartupError('bad_password_file', `${file}: ${sentenceOf(error)}`, { cause: error });
    }
  }

  get current(): PasswordSet {
    return this.#current;
  }

  /**
   * Looks at the file, as happens every second. A file counts when two looks in a row find the same one, so that one
   * that is being written is left alone.
   */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#file === undefined) return;
    const stamp = await stampOf(this.#file).catch((error: NodeJS.ErrnoException) => `unreadable ${error.code}`);
    const settled = stamp === this.#seen;
    this.#seen = stamp;
    if (!settled || stamp === this.#judged) return;
    try {
      const read = await readLines(this.#file);
      // Written while it was read: the next look sees that.
      if (read.stamp !== stamp) return;
      this.#judged = stamp;
      const changed = fingerprint(read.entries) !== fingerprint(this.#current.entries);
      if (changed) this.#current = new PasswordSet(read.entries);
      this.#onNews('changed', `${this.#file} was read again: ${read.entries.length} passwords hold.`);
    } catch (error) {
      this.#judged = stamp;
      this.#onNews('kept', `${this.#file}: ${sentenceOf(error)} The passwords from before stay until it is mended.`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

async function stampOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true });
  if (!found.isFile()) throw new StartupError('bad_password_file', 'it is no ordinary file.');
  const { mtimeNs, ctimeNs, size, ino } = found;
  return [mtimeNs, ctimeNs, size, ino].join(' ');
}

async function readLines(file: string): Promise<{ entries: readonly PasswordEntry[]; stamp: string }> {
  const stamp = await stampOf(file);
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > MOST_FILE_BYTES) throw new StartupError('bad_password_file', 'the file is too large for passwords.');
    const bytes = await handle.readFile();
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new StartupError('bad_password_file', 'the file is no UTF-8 text.');
    }
    return { entries: parsePasswordLines(text), stamp: (await stampOf(file)) === stamp ? stamp : 'written meanwhile' };
  } finally {
    await handle.close();
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof StartupError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file.';
  if (code === 'EACCES') return 'the server may not read it.';
  return `it cannot be read (${code}).`;
}

const fingerprint = (entries: readonly PasswordEntry[]) =>
  JSON.stringify(
    entries.map(({ name, hash }) => [
      name,
      { ...hash, salt: hash.salt.toString('hex'), digest: hash.digest.toString('hex') },
    ]),
  );
