// How good the policy was at each evaluation, with how far the numbers may be from the true ones.

import { type EvaluationResults, evaluatePolicy, type Job } from '@ludic/service';
import { RateCell } from '../../evaluate/results-table.tsx';
import { Scroll } from '../../ui/figures.tsx';
import { percent, whole } from '../../ui/numbers.ts';
import type { Numbers } from '../job-events.ts';

interface Row {
  readonly name: string;
  readonly best: boolean;
  /** ` at temperature 0` */
  readonly manner: string;
  readonly results: Partial<EvaluationResults>;
}

export function Evaluations({ job, evaluations }: { readonly job: Job; readonly evaluations: readonly Numbers[] }) {
  const rows = job.kind === 'train' ? evaluations.map(rowOf) : ownRow(job);
  if (rows.length === 0) return null;
  // The last that was told to be the best still is.
  const best = rows.findLastIndex((row) => row.best);
  const title = job.kind === 'train' ? 'Evaluations' : 'Result';
  return (
    <Scroll label={title}>
      <table>
        <caption>{title}, with 95 % intervals</caption>
        <thead>
          <tr>
            {job.kind === 'train' && <th scope="col">After update</th>}
            <th scope="col">Success</th>
            <th scope="col">Mean reward</th>
            <th scope="col">Steps</th>
            <th scope="col">Invalid</th>
            <th scope="col">Win / draw / loss</th>
            <th scope="col">Games</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, manner, results }, i) => (
            <tr key={name}>
              {job.kind === 'train' && (
                <th scope="row">
                  {name}
                  {i === best && <small>the best</small>}
                </th>
              )}
              <td>
                {results.success_rate !== undefined && results.success_ci95 && (
                  <RateCell rate={results.success_rate} interval={results.success_ci95} />
                )}
              </td>
              <td class="number">
                {results.mean_reward?.toFixed(3)}
                {results.mean_reward_ci95 && (
                  <small>{results.mean_reward_ci95.map((value) => value.toFixed(3)).join(' to ')}</small>
                )}
              </td>
              <td class="number">{results.mean_steps?.toFixed(2)}</td>
              <td class="number">{results.invalid_rate !== undefined && percent(results.invalid_rate)}</td>
              <td class="number">
                {results.win_rate === undefined
                  ? '–'
                  : `${[results.win_rate, results.draw_rate, results.loss_rate]
                      .map((rate) => (100 * (rate ?? 0)).toFixed(0))
                      .join(' / ')} %`}
              </td>
              <td class="number">
                {results.total_episodes !== undefined && whole(results.total_episodes)}
                <small>{manner}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const rowOf = ({ step, best, temperature, ...results }: Numbers): Row => ({
  name: String(step),
  best: best === true,
  manner: typeof temperature === 'number' ? `at temperature ${temperature}` : '',
  results,
});

function ownRow(job: Job): readonly Row[] {
  const results = resultsOf(job);
  return results ? [{ name: 'result', best: false, manner: atTemperature(job).trim(), results }] : [];
}

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
