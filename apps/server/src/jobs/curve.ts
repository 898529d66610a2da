// The numbers of a run for clients, from its metrics.jsonl, which is the truth about them.

import { open } from 'node:fs/promises';
import type { Evaluation } from '@ludic/rollouts';
import { evaluationResults, snakeCase } from '@ludic/service';

export interface CurveLine {
  readonly type: 'step' | 'evaluation';
  readonly step: number;
  readonly data: Readonly<Record<string, unknown>> & { readonly step: number };
}

/** Bytes that are read and parsed at once: others get their turn between. */
const PAGE = 2 ** 18;

/** Reads what has been added to a file since the last time. A file that was cut back is read from its beginning. */
export class CurveReader {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** From the beginning again, at the next reading. */
  rewind(): void {
    this.#offset = 0;
  }

  /** A line that is still being written is left for the next time. */
  async *pages(): AsyncGenerator<CurveLine[]> {
    const handle = await open(this.#path, 'r').catch(() => undefined);
    if (!handle) return;
    try {
      const { size } = await handle.stat();
      if (size < this.#offset) this.#offset = 0;
      for (let length = PAGE; this.#offset < size; ) {
        const bytes = Buffer.alloc(Math.min(length, size - this.#offset));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, this.#offset);
        const end = bytes.subarray(0, bytesRead).lastIndexOf(10) + 1;
        if (end === 0) {
          if (bytesRead < bytes.length || this.#offset + bytesRead >= size) return;
          // A line longer than a page.
          length *= 2;
          continue;
        }
        length = PAGE;
        this.#offset += end;
        const text = bytes.subarray(0, end).toString();
        yield text.split('\n').flatMap((line) => parse(line) ?? []);
      }
    } finally {
      await handle.close();
    }
  }
}

function parse(line: string): CurveLine | undefined {
  let value: ({ type?: unknown; step?: unknown } & Record<string, unknown>) | null;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { type, step, ...rest } = value ?? {};
  if (typeof step !== 'number') return undefined;
  if (type === 'step') {
    const { reward, ...others } = rest;
    const named = Object.fromEntries(Object.entries(others).map(([name, each]) => [snakeCase(name), each]));
    return { type, step, data: { step, mean_reward: reward, ...named } };
  }
  if (type === 'evaluation' && typeof rest.success === 'object' && rest.success !== null) {
    const { best, seconds } = rest;
    // `run.ts` of @ludic/grpo writes the whole evaluation into the line.
    return { type, step, data: { step, best, seconds, ...evaluationResults(rest as unknown as Evaluation) } };
  }
  return undefined;
}
