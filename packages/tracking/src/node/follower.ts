// metrics.jsonl read while it grows. It is the truth, so nothing is kept here but how far it has been read; where it is
// cut back, as resuming does, reading begins again.

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, RowAssembler } from '../rows.ts';

const PIECE = 2 ** 16;
const NEWLINE = 10;

export class MetricsFollower {
  readonly #path: string;
  #rows = new RowAssembler();
  /** Bytes that have been read, and those of them that are no whole line yet. */
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(run: string) {
    this.#path = join(run, 'metrics.jsonl');
  }

  /**
   * The next rows, none where the file holds no more now.
   * @param ended nothing will be added any more: the last row is whole as it is
   */
  async next(limit: number, ended: boolean): Promise<Row[]> {
    const rows: Row[] = [];
    const file = await open(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!file) return rows;
    try {
      if ((await file.stat()).size < this.#position) {
        this.#rows = new RowAssembler();
        this.#position = 0;
        this.#rest = Buffer.alloc(0);
      }
      while (rows.length < limit) {
        const line = await this.#line(file);
        const row = line !== undefined ? this.#rows.take(line) : ended ? this.#rows.close() : undefined;
        if (row) rows.push(row);
        if (line === undefined) break;
      }
    } finally {
      await file.close();
    }
    return rows;
  }

  async #line(file: FileHandle): Promise<string | undefined> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE, searched);
      if (end >= 0) {
        const line = this.#rest.toString('utf8', 0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      searched = this.#rest.length;
      const piece = Buffer.alloc(PIECE);
      const { bytesRead } = await file.read(piece, 0, PIECE, this.#position);
      if (bytesRead === 0) return undefined;
      this.#position += bytesRead;
      this.#rest = Buffer.concat([this.#rest, piece.subarray(0, bytesRead)]);
    }
  }
}
