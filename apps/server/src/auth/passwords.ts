// The passwords that count: the one of LUDIC_PASSWORD_HASH, or those of a file that is read again when it changes. A new
// file that is broken, half-written or missing changes nothing: the log says so once, and the earlier passwords stay.

import { createHmac, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { FileWatch, type OnFileNews } from '../file-watch.ts';
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
  readonly onNews?: OnFileNews;
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
  readonly #watch: FileWatch<readonly PasswordEntry[]> | undefined;

  private constructor(entries: readonly PasswordEntry[], watch?: FileWatch<readonly PasswordEntry[]>) {
    this.#current = new PasswordSet(entries);
    this.#watch = watch;
    watch?.begin((read) => {
      if (fingerprint(read) !== fingerprint(this.#current.entries)) this.#current = new PasswordSet(read);
    });
  }

  /** @throws StartupError where there is no password, or what there is cannot be used */
  static async open({ hash: givenHash, file: givenFile, onNews = () => {} }: PasswordSettings): Promise<Passwords> {
    const hash = givenHash?.trim() || undefined;
    const file = givenFile?.trim() || undefined;
    if (hash !== undefined && file !== undefined)
      throw new StartupError(
        'no_password',
        'There are both LUDIC_PASSWORD_HASH and a password file. Leave one out, so that it is clear which counts.',
      );
    if (hash !== undefined) return new Passwords([parsePasswordVariable(hash)]);
    if (file === undefined)
      throw new StartupError(
        'no_password',
        'The server has no password and does not start without one. Make a hash with `ludic hash-password` and set LUDIC_PASSWORD_HASH to it, or give --password-file a file of name:hash lines.',
      );
    try {
      const watch = await FileWatch.open({
        files: [file],
        everyMs: CHECK_EVERY_MS,
        needsTwoLooks: true,
        read: () => readLines(file),
        changed: ({ length }) => `${file} was read again: ${length} passwords hold.`,
        kept: (error) => `${file}: ${sentenceOf(error)} The passwords from before stay until it is mended.`,
        onNews,
      });
      return new Passwords(watch.first, watch);
    } catch (error) {
      throw new StartupError('bad_password_file', `${file}: ${sentenceOf(error)}`, { cause: error });
    }
  }

  get current(): PasswordSet {
    return this.#current;
  }

  /** Looks at the file, as happens every second. */
  async look(): Promise<void> {
    await this.#watch?.look();
  }

  close(): void {
    this.#watch?.close();
  }
}

async function readLines(file: string): Promise<readonly PasswordEntry[]> {
  const found = await stat(file);
  if (!found.isFile()) throw new StartupError('bad_password_file', 'it is no ordinary file.');
  if (found.size > MOST_FILE_BYTES) throw new StartupError('bad_password_file', 'the file is too large for passwords.');
  const bytes = await readFile(file);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new StartupError('bad_password_file', 'the file is no UTF-8 text.');
  }
  return parsePasswordLines(text);
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
