// How good the policy was at each evaluation, with how far the numbers may be from the true ones.

import { type EvaluationResults, evaluatePolicy, type Job } from '@ludic/service';
import type { ComponentChildren } from 'preact';
import { type EvaluationRow, EvaluationTable } from '../../evaluate/results-table.tsx';
import { whole } from '../../ui/numbers.ts';
import type { JobMetricsRow } from '../job-events.ts';

/** The evaluations of a training, or the one result of an evaluation. */
export function Evaluations({
  job,
  evaluations,
}: {
  readonly job: Job;
  readonly evaluations: readonly JobMetricsRow[];
}) {
  const isTraining = job.kind === 'train';
  const rows = isTraining ? rowsOf(evaluations) : ownRow(job);
  if (rows.length === 0) return null;
  const title = isTraining ? 'Evaluations' : 'Result';
  return (
    <EvaluationTable
      label={title}
      caption={title}
      first={isTraining ? 'After update' : undefined}
      last="Games"
      rows={rows}
    />
  );
}

/** A row for each evaluation of a training; the best is marked. */
function rowsOf(evaluations: readonly JobMetricsRow[]): readonly EvaluationRow[] {
  // The last that was told to be the best still is.
  const best = evaluations.findLastIndex((one) => one.best === true);
  return evaluations.map(({ step, temperature, ...results }, i) => {
    const manner = typeof temperature === 'number' ? `at temperature ${temperature}` : '';
    const title = (
      <>
        {step}
        {i === best && <small>the best</small>}
      </>
    );
    return rowOf(String(step), results, manner, title);
  });
}

/** The row of an evaluation, none while it has no result. */
function ownRow(job: Job): readonly EvaluationRow[] {
  const results = resultsOf(job);
  return results ? [rowOf('result', results, atTemperature(job).trim())] : [];
}

const rowOf = (
  key: string,
  results: EvaluationRow['results'],
  manner: string,
  title?: ComponentChildren,
): EvaluationRow => ({
  key,
  title,
  results,
  last: (
    <>
      {results.total_episodes !== undefined && whole(results.total_episodes)}
      <small>{manner}</small>
    </>
  ),
});

/** What an evaluation has found. */
export function resultsOf({ result }: Job): Partial<EvaluationResults> | undefined {
  const results = result?.results;
  return typeof results === 'object' && results !== null ? results : undefined;
}

/** Of an evaluation, behind its success rate. */
export function atTemperature({ request }: Job): string {
  const { data } = evaluatePolicy.safeParse(request);
  return data ? ` at temperature ${data.sampling_params.temperature}` : '';
}
