// The numbers of a run for clients, from its metrics.jsonl, which is the truth about them.

import { readLogLine } from '@ludic/grpo/internal';
import { LineReader } from '@ludic/io/node';

export interface CurveLine {
  readonly type: 'step' | 'evaluation';
  readonly step: number;
  readonly data: Readonly<Record<string, unknown>> & { readonly step: number };
}

export class CurveReader extends LineReader<CurveLine> {
  /** @param onRestart called where the file is another than before: what was read of it does not count any more */
  constructor(path: string, onRestart?: () => void) {
    super(path, parse, onRestart);
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
