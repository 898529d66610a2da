// Joins lines of metrics.jsonl to rows, one for each step: its numbers and those of the evaluation that followed it.

import { readLogLine } from '@ludic/grpo/internal';
import { type Scalars, scalarsOf } from './scalars.ts';

export interface Row {
  /** Index of the row in the file, from 0. */
  readonly index: number;
  readonly step: number;
  /** Seconds of training and evaluation since the beginning of the run. */
  readonly runtime: number;
  readonly values: Scalars;
}

/** A row is complete when a line of another step follows, or when the file is complete. */
export class RowAssembler {
  #open: Row | undefined;
  #index = 0;
  #runtime = 0;

  /** @returns the row that this line completes; unknown lines change nothing */
  take(text: string): Row | undefined {
    const line = parsed(text);
    if (!line) return undefined;
    const closed = this.#open?.step === line.step ? undefined : this.close();
    this.#runtime += line.seconds;
    this.#open = {
      index: this.#index,
      step: line.step,
      runtime: this.#runtime,
      values: { ...this.#open?.values, ...line.values },
    };
    return closed;
  }

  /** @returns the last row of a complete file */
  close(): Row | undefined {
    const row = this.#open;
    this.#open = undefined;
    if (row) this.#index++;
    return row;
  }
}

interface Line {
  readonly step: number;
  readonly seconds: number;
  readonly values: Scalars;
}

function parsed(text: string): Line | undefined {
  const line = readLogLine(text);
  if (!line) return undefined;
  const { step, seconds } = line as { readonly step: number; readonly seconds?: unknown };
  const values = scalarsOf({ ...line });
  if (Object.keys(values).length === 0) return undefined;
  return { step, seconds: typeof seconds === 'number' && seconds > 0 ? seconds : 0, values };
}
