// Evaluations below each other, each with how far its numbers may be from the true ones.

import type { EVALUATION_METRICS, Evaluation, Interval, Measured } from '@ludic/rollouts';
import type { ComponentChildren } from 'preact';
import { Heads, Scroll } from '../ui/figures.tsx';
import { duration, percent, whole } from '../ui/numbers.ts';
import { type Comparison, titleOf } from './results.ts';

/** One evaluation in a table; numbers that are missing leave their cells empty. */
export interface EvaluationRow {
  readonly key: string;
  /** With its remarks; left out where the table names no column for it. */
  readonly title?: ComponentChildren;
  readonly results: Partial<Measured<typeof EVALUATION_METRICS>>;
  /** In the last column. */
  readonly last?: ComponentChildren;
}

/** @param first @param last names of the columns around the numbers, where there are any */
export function EvaluationTable({
  label,
  caption,
  first,
  last,
  rows,
}: {
  readonly label: string;
  readonly caption: string;
  readonly first?: string | undefined;
  readonly last?: string;
  readonly rows: readonly EvaluationRow[];
}) {
  const twoPlayers = rows.some(({ results }) => results.win_rate !== undefined);
  const names = ['Success', 'Mean reward', 'Steps', 'Invalid', twoPlayers && 'Win / draw / loss, %'];
  return (
    <Scroll label={label}>
      <table>
        <caption>{caption}, with 95 % intervals</caption>
        <Heads names={[first ?? false, ...names, last ?? false]} />
        <tbody>
          {rows.map(({ key, title, results, last: end }) => (
            <tr key={key}>
              {first && <th scope="row">{title}</th>}
              <td>
                {results.success_rate !== undefined && results.success_ci95 && (
                  <RateCell rate={results.success_rate} interval={results.success_ci95} />
                )}
              </td>
              <td class="number">
                {results.mean_reward?.toFixed(3)}
                <small>{results.mean_reward_ci95?.map((value) => value.toFixed(3)).join(' to ')}</small>
              </td>
              <td class="number">{results.mean_steps?.toFixed(2)}</td>
              <td class="number">{results.invalid_rate !== undefined && percent(results.invalid_rate)}</td>
              {twoPlayers && <td class="number">{outcomes(results)}</td>}
              {last && <td class="number">{end}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const outcomes = ({ win_rate, draw_rate = 0, loss_rate = 0 }: Partial<Evaluation>) =>
  win_rate === undefined ? '–' : [win_rate, draw_rate, loss_rate].map((rate) => whole(100 * rate)).join(' / ');

/** The results of a comparison, with the device, the temperature and the time of each. */
export function ResultsTable({ comparison: { results } }: { readonly comparison: Comparison }) {
  const { episodes } = results[0]!.spec;
  const rows = results.map((result): EvaluationRow => {
    const { device, seconds, evaluation, spec } = result;
    const title = titleOf(result, results);
    const place = device === 'cpu' ? 'on the CPU' : 'on WebGPU';
    return {
      key: title,
      title: (
        <>
          {title}
          <small>{device === 'script' ? 'scripted' : `${place}, temperature ${spec.temperature}`}</small>
          {evaluation.first_failure !== undefined && (
            <small class="error">some games failed: {evaluation.first_failure}</small>
          )}
        </>
      ),
      results: evaluation,
      last: duration(seconds),
    };
  });
  const caption = `${whole(episodes)} ${episodes === 1 ? 'game' : 'games'}`;
  return <EvaluationTable label="Results" caption={caption} first="Policy" last="Time" rows={rows} />;
}

/** A rate in numbers, and its interval drawn between 0 and 1. */
function RateCell({ rate, interval: [low, high] }: { readonly rate: number; readonly interval: Interval }) {
  return (
    <div class="rate">
      <span class="number">{percent(rate)}</span>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <line class="axis" x1="0" y1="5" x2="100" y2="5" />
        <line class="interval" x1={100 * low} y1="5" x2={100 * high} y2="5" />
        <line class="point" x1={100 * rate} y1="0.5" x2={100 * rate} y2="9.5" />
      </svg>
      <small>
        {percent(low)} to {percent(high)}
      </small>
    </div>
  );
}
