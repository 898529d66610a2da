// Lines of metrics.jsonl become rows, one a step: the step's numbers, and those of an evaluation that followed it.

import { readLogLine } from '@ludic/grpo';
import { type Scalars, scalarsOf } from './scalars.ts';

export interface Row {
  /** Place among the rows of the file; the first is 0. */
  readonly index: number;
  readonly step: number;
  /** Seconds of training and evaluation from the beginning of the run up to here. */
  readonly runtime: number;
  readonly values: Scalars;
}

/** A row is whole when a line of another step follows it, or nothing ever will. */
export class RowAssembler {
  #open: Row | undefined;
  #index = 0;
  #runtime = 0;

  /** @returns the row that this line shows to be whole; a line that is none of ours changes nothing */
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

  /** @returns the last row, which no line will add to */
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
