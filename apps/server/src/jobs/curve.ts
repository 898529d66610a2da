// The numbers of a run for clients, from its metrics.jsonl, which is the truth about them.

import { open } from 'node:fs/promises';
import { readLogLine } from '@ludic/grpo';

export interface CurveLine {
  readonly type: 'step' | 'evaluation';
  readonly step: number;
  readonly data: Readonly<Record<string, unknown>> & { readonly step: number };
}

/** Bytes that are read and parsed at once: others get their turn between. */
const PAGE = 2 ** 18;
/** Bytes before the place that was reached, by which a file is known again. A line has the seconds that it took in it. */
const KNOWN = 1024;

/**
 * Reads what has been added to a file since the last time. A file that was cut back, also where it has grown since, is read
 * from its beginning.
 */
export class CurveReader {
  readonly #path: string;
  readonly #onRestart: () => void;
  #offset = 0;
  #known = Buffer.alloc(0);

  /** @param onRestart called where the file is another than before: what was read of it does not count any more */
  constructor(path: string, onRestart: () => void = () => {}) {
    this.#path = path;
    this.#onRestart = onRestart;
  }

  /** From the beginning again, at the next reading. */
  rewind(): void {
    this.#offset = 0;
    this.#known = Buffer.alloc(0);
  }

  /** A line that is still being written is left for the next time. */
  async *pages(): AsyncGenerator<CurveLine[]> {
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
        const end = bytes.subarray(known, bytesRead).lastIndexOf(10) + 1;
        if (end > 0) {
          length = PAGE;
          this.#offset += end;
          this.#known = Buffer.from(bytes.subarray(Math.max(0, known + end - KNOWN), known + end));
          const text = bytes.subarray(known, known + end).toString();
          yield text.split('\n').flatMap((line) => parse(line) ?? []);
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

function parse(text: string): CurveLine | undefined {
  const line = readLogLine(text);
  if (line?.type !== 'step' && line?.type !== 'evaluation') return undefined;
  // Half of an evaluation is none.
  if (line.type === 'evaluation' && typeof line.success_rate !== 'number') return undefined;
  const { type, ...data } = line;
  return { type, step: data.step, data };
}
