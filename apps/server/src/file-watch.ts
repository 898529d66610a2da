// Files that are read again when they change, such as passwords and certificates. New contents that are broken, half-written
// or missing change nothing: the log says so once, and the earlier contents stay in use.

import { stat } from 'node:fs/promises';

/** Called with a sentence for the log: new contents are in use, or why the earlier ones are kept. */
export type OnFileNews = (kind: 'changed' | 'kept', sentence: string) => void;

interface FileWatchOptions<Content> {
  readonly files: readonly string[];
  /** How often the files are looked at. */
  readonly everyMs: number;
  /** A change counts when two looks in a row find the same state: files that are being written are left alone. */
  readonly needsTwoLooks?: boolean;
  /** Reads the files and checks what they hold. */
  readonly read: () => Promise<Content>;
  readonly changed: (content: Content) => string;
  readonly kept: (error: unknown) => string;
  readonly onNews: OnFileNews;
}

export class FileWatch<Content> {
  /** The contents to begin with. */
  readonly first: Content;
  readonly #options: FileWatchOptions<Content>;
  /** The stamp of the contents that are in use, or were refused. */
  #judged: string;
  /** The stamp of the last look. */
  #seen: string;
  #use: ((content: Content) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  private constructor(first: Content, stamp: string, options: FileWatchOptions<Content>) {
    this.first = first;
    this.#judged = stamp;
    this.#seen = stamp;
    this.#options = options;
  }

  /** @throws what `read` throws */
  static async open<Content>(options: FileWatchOptions<Content>): Promise<FileWatch<Content>> {
    // Files that change from here on are read again.
    const stamp = await stampOf(options.files);
    return new FileWatch(await options.read(), stamp, options);
  }

  /** @param use takes new contents; what it throws counts against them */
  begin(use: (content: Content) => void): void {
    this.#use = use;
    this.#timer = setInterval(() => void this.look(), this.#options.everyMs).unref();
  }

  /** Looks at the files, as the timer does. */
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
    const { files, needsTwoLooks = false, read, changed, kept, onNews } = this.#options;
    const stamp = await stampOf(files);
    const isSettled = !needsTwoLooks || stamp === this.#seen;
    this.#seen = stamp;
    if (!isSettled || stamp === this.#judged) return;
    const outcome = await read().then(
      (content) => ({ content }),
      (error: unknown) => ({ error }),
    );
    // Files that were written meanwhile are seen by the next look.
    if ((await stampOf(files)) !== stamp || !this.#use) return;
    this.#judged = stamp;
    try {
      if ('error' in outcome) throw outcome.error;
      this.#use(outcome.content);
      onNews('changed', changed(outcome.content));
    } catch (error) {
      onNews('kept', kept(error));
    }
  }
}

/** Another text when a file, or the target of its link, has changed. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    try {
      const { mtimeNs, ctimeNs, size, ino } = await stat(file, { bigint: true });
      return [mtimeNs, ctimeNs, size, ino].join(' ');
    } catch (error) {
      return `unreadable ${(error as NodeJS.ErrnoException).code}`;
    }
  });
  return (await Promise.all(stamps)).join(', ');
}
