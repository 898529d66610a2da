// Lines of a file that others append to, read as they come.

import { open } from 'node:fs/promises';
import { wholeLines } from '../json.ts';

/** Bytes that are read and parsed at once: others get their turn between. */
const PAGE = 2 ** 18;
/** Bytes before the place that was reached, by which the file is known again. */
const KNOWN = 1024;
const NEWLINE = 10;

/**
 * Reads what has been added to a file since the last time. A file that was cut back, also where it has grown since, is read
 * from its beginning.
 */
export class LineReader<Line> {
  readonly #path: string;
  readonly #parse: (text: string) => Line | undefined;
  readonly #onRestart: () => void;
  #offset = 0;
  #known = Buffer.alloc(0);

  /**
   * @param parse undefined for a line to leave out
   * @param onRestart called where the file is another than before: what was read of it does not count any more
   */
  constructor(path: string, parse: (text: string) => Line | undefined, onRestart: () => void = () => {}) {
    this.#path = path;
    this.#parse = parse;
    this.#onRestart = onRestart;
  }

  /** From the beginning again, at the next reading. */
  rewind(): void {
    this.#offset = 0;
    this.#known = Buffer.alloc(0);
  }

  /** A line that is still being written is left for the next time, and so is what a caller that breaks off has not taken. */
  async *pages(): AsyncGenerator<Line[], void, void> {
    const handle = await open(this.#path, 'r').catch(() => undefined);
    if (!handle) {
      this.#restart();
      return;
    }
    try {
      for (let length = PAGE; ; ) {
        const { length: known } = this.#known;
        const bytes = Buffer.allocUnsafe(known + length);
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, this.#offset - known);
        if (!bytes.subarray(0, Math.min(known, bytesRead)).equals(this.#known)) {
          this.#restart();
          continue;
        }
        const isAll = bytesRead < bytes.length;
        const end = bytes.subarray(known, bytesRead).lastIndexOf(NEWLINE) + 1;
        if (end > 0) {
          length = PAGE;
          this.#offset += end;
          this.#known = Buffer.from(bytes.subarray(Math.max(0, known + end - KNOWN), known + end));
          const text = bytes.toString('utf8', known, known + end);
          yield wholeLines(text).flatMap((line) => this.#parse(line) ?? []);
        } else if (!isAll) {
          // A line longer than a page.
          length *= 2;
        }
        if (isAll) return;
      }
    } finally {
      await handle.close();
    }
  }

  #restart(): void {
    if (this.#offset === 0) return;
    this.rewind();
    this.#onRestart();
  }
}
