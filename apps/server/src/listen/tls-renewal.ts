// A certificate that is renewed while the server runs: its files are looked at now and then, and what they hold is used for
// new connections. A new pair that is broken, half-written or has ended changes nothing; that is said once.

import { stat } from 'node:fs/promises';
import { readTls, type TlsFiles, type TlsPair } from './tls.ts';

const CHECK_EVERY_MS = 60_000;

export interface RenewalOptions {
  readonly files: TlsFiles;
  /** Default: a minute. */
  readonly checkEveryMs?: number | undefined;
  /** Called with a sentence for the log: a new certificate is in use, or why it is not. */
  readonly onNews?: ((kind: 'changed' | 'kept', sentence: string) => void) | undefined;
}

export class TlsRenewal {
  /** The pair to begin with. */
  readonly first: TlsPair;
  readonly #options: RenewalOptions;
  /** The stamp whose content is used, or was refused. */
  #judged: string;
  #use: ((pair: TlsPair) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  private constructor(first: TlsPair, stamp: string, options: RenewalOptions) {
    this.first = first;
    this.#judged = stamp;
    this.#options = options;
  }

  /** @throws StartupError `bad_certificate` as `readTls` */
  static async open(options: RenewalOptions): Promise<TlsRenewal> {
    // Files that change from here on are read again.
    const stamp = await stampOf(options.files);
    return new TlsRenewal(await readTls(options.files), stamp, options);
  }

  /** @param use takes each new pair; what it throws counts against the pair */
  begin(use: (pair: TlsPair) => void): void {
    this.#use = use;
    this.#timer = setInterval(() => void this.look(), this.#options.checkEveryMs ?? CHECK_EVERY_MS).unref();
  }

  /** Looks at the files, as happens every minute. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#use = undefined;
  }

  async #look(): Promise<void> {
    const { files, onNews = () => {} } = this.#options;
    const stamp = await stampOf(files);
    if (stamp === this.#judged) return;
    let pair: TlsPair | Error;
    try {
      pair = await readTls(files);
    } catch (error) {
      pair = error as Error;
    }
    // Written while they were read: the next look sees that.
    if ((await stampOf(files)) !== stamp || !this.#use) return;
    this.#judged = stamp;
    try {
      if (pair instanceof Error) throw pair;
      this.#use(pair);
      onNews('changed', `${files.cert} was read again: new connections get the new certificate.`);
    } catch (error) {
      onNews('kept', `${(error as Error).message} The certificate from before is used until new files fit.`);
    }
  }
}

/** Another one when a file, or what a link of its name leads to, has changed. */
async function stampOf({ cert, key }: TlsFiles): Promise<string> {
  const stamps = [cert, key].map(async (file) => {
    try {
      const { mtimeNs, ctimeNs, size, ino } = await stat(file, { bigint: true });
      return [mtimeNs, ctimeNs, size, ino].join(' ');
    } catch (error) {
      return `unreadable ${(error as NodeJS.ErrnoException).code}`;
    }
  });
  return (await Promise.all(stamps)).join(', ');
}
