// Evaluations below each other, each with how far its numbers may be from the true ones.

import type { Interval } from '@ludic/rollouts';
import { Scroll } from '../ui/figures.tsx';
import { duration, percent, whole } from '../ui/numbers.ts';
import { type Comparison, type Result, titleOf } from './results.ts';

export function ResultsTable({ comparison: { results } }: { readonly comparison: Comparison }) {
  const twoPlayers = results.some(({ evaluation }) => evaluation.win_rate !== undefined);
  return (
    <Scroll label="Results">
      <table>
        <caption>{games(results)}, with 95 % intervals</caption>
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Success</th>
            <th scope="col">Mean reward</th>
            <th scope="col">Steps</th>
            <th scope="col">Invalid</th>
            {twoPlayers && <th scope="col">Win / draw / loss, %</th>}
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {results.map((result) => (
            <Row key={titleOf(result, results)} result={result} title={titleOf(result, results)} wide={twoPlayers} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const games = ([first]: readonly Result[]) => {
  const { episodes } = first!.spec;
  return `${whole(episodes)} ${episodes === 1 ? 'game' : 'games'}`;
};

function Row({ result, title, wide }: { readonly result: Result; readonly title: string; readonly wide: boolean }) {
  const { device, seconds, evaluation, spec } = result;
  const { success_rate, success_ci95, mean_reward, mean_steps, invalid_rate, first_failure } = evaluation;
  const { win_rate, draw_rate = 0, loss_rate = 0 } = evaluation;
  const [low, high] = evaluation.mean_reward_ci95;
  return (
    <tr>
      <th scope="row">
        {title}
        <small>
          {device === 'script'
            ? 'scripted'
            : `${device === 'cpu' ? 'on the CPU' : 'on WebGPU'}, temperature ${spec.temperature}`}
        </small>
        {first_failure !== undefined && <small class="trouble">some games failed: {first_failure}</small>}
      </th>
      <td>
        <RateCell rate={success_rate} interval={success_ci95} />
      </td>
      <td class="number">
        {mean_reward.toFixed(3)}
        <small>
          {low.toFixed(3)} to {high.toFixed(3)}
        </small>
      </td>
      <td class="number">{mean_steps.toFixed(2)}</td>
      <td class="number">{percent(invalid_rate)}</td>
      {wide && (
        <td class="number">
          {win_rate === undefined ? '–' : [win_rate, draw_rate, loss_rate].map((rate) => whole(100 * rate)).join(' / ')}
        </td>
      )}
      <td class="number">{duration(seconds)}</td>
    </tr>
  );
}

/** A rate in numbers, and its interval drawn between 0 and 1. */
export function RateCell({ rate, interval: [low, high] }: { readonly rate: number; readonly interval: Interval }) {
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
