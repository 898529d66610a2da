// The numbers of a run for clients, from its metrics.jsonl, which is the truth about them.

import { open } from 'node:fs/promises';
import type { Evaluation } from '@ludic/rollouts';
import { evaluationResults, snakeCase } from '@ludic/service';

export type CurveLine =
  | {
      readonly type: 'step';
      readonly step: number;
      readonly data: Readonly<Record<string, unknown>> & { step: number };
    }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly data: Readonly<Record<string, unknown>> & { step: number };
    };

/** Reads what has been added to a file since the last time. A file that was cut back is read from its beginning. */
export class CurveReader {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async next(): Promise<CurveLine[]> {
    const handle = await open(this.#path, 'r').catch(() => undefined);
    if (!handle) return [];
    try {
      const { size } = await handle.stat();
      if (size < this.#offset) this.#offset = 0;
      const bytes = Buffer.alloc(size - this.#offset);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, this.#offset);
      // A line that is still being written is left for the next time.
      const end = bytes.subarray(0, bytesRead).lastIndexOf(10) + 1;
      this.#offset += end;
      return bytes
        .subarray(0, end)
        .toString()
        .split('\n')
        .flatMap((line) => parse(line) ?? []);
    } finally {
      await handle.close();
    }
  }
}

function parse(line: string): CurveLine | undefined {
  let value: { type?: string; step?: number } & Record<string, unknown>;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { type, step, ...rest } = value;
  if (step === undefined) return undefined;
  if (type === 'step') {
    const { reward, ...others } = rest;
    const named = Object.fromEntries(Object.entries(others).map(([name, each]) => [snakeCase(name), each]));
    return { type, step, data: { step, mean_reward: reward, ...named } };
  }
  if (type === 'evaluation') {
    const { best, seconds } = rest;
    // `run.ts` of @ludic/grpo writes the whole evaluation into the line.
    return { type, step, data: { step, best, seconds, ...evaluationResults(rest as unknown as Evaluation) } };
  }
  return undefined;
}
