// From metrics.jsonl to a job's events: each step and evaluation once, however often a killed run has repeated it.

import type { JobStore, NewEvent } from '../store/job-store.ts';
import type { CurveLine, CurveReader } from './curve-reader.ts';

/**
 * Takes up what a file has that the job's events have not.
 * @param onPage called when some of it is stored, with all lines that were read
 */
export async function ingestCurve(
  store: JobStore,
  id: string,
  curve: CurveReader,
  onPage: (lines: readonly CurveLine[]) => void,
): Promise<void> {
  try {
    for await (const lines of curve.pages()) {
      if (lines.length === 0) continue;
      // Lines and how far they go are one transaction: nothing is lost or told twice. Done again after a loss of power.
      store.update(id, 'repeatable', (job) => {
        let { step, evaluatedStep, latest } = job;
        const events: NewEvent[] = [];
        for (const line of lines) {
          // After a kill the steps since the last checkpoint are done again, with the same numbers.
          if (line.step <= (line.type === 'step' ? step : evaluatedStep)) continue;
          if (line.type === 'step') {
            step = line.step;
            latest = numbersOf(line.data);
          } else evaluatedStep = line.step;
          events.push({ type: line.type, data: line.data });
        }
        return { fields: { step, evaluatedStep, latest }, events };
      });
      onPage(lines);
    }
  } catch (error) {
    // What was read and could not be stored is read again.
    curve.rewind();
    throw error;
  }
}

function numbersOf({ step: _, ...data }: CurveLine['data']): Record<string, number> {
  const numbers = Object.entries(data).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(numbers);
}
