// Reads metrics.jsonl while it grows. Only the position is kept; where the file is cut back, as resuming does, reading
// begins again.

import { join } from 'node:path';
import { LineReader } from '@ludic/io/node';
import { type Row, RowAssembler } from '../rows.ts';

export class MetricsFollower {
  readonly #reader: LineReader<string>;
  #rows = new RowAssembler();
  /** Lines that were read and are not taken yet. */
  #lines: string[] = [];

  constructor(run: string) {
    this.#reader = new LineReader(
      join(run, 'metrics.jsonl'),
      (line) => line,
      () => {
        this.#rows = new RowAssembler();
        this.#lines = [];
      },
    );
  }

  /**
   * The next rows; none where the file holds no more now.
   * @param ended whether the file is complete, so that its last row is too
   */
  async next(limit: number, ended: boolean): Promise<Row[]> {
    const rows: Row[] = [];
    let isAll = false;
    while (rows.length < limit) {
      if (this.#lines.length === 0 && !isAll) isAll = !(await this.#readPage());
      const line = this.#lines.shift();
      const row = line !== undefined ? this.#rows.take(line) : isAll && ended ? this.#rows.close() : undefined;
      if (row) rows.push(row);
      if (line === undefined && isAll) break;
    }
    return rows;
  }

  /** @returns whether there was one */
  async #readPage(): Promise<boolean> {
    for await (const page of this.#reader.pages()) {
      this.#lines = page;
      return true;
    }
    return false;
  }
}
