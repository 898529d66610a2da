// Evaluations below each other, each with how far its numbers may be from the true ones.

import type { Rate } from '@ludic/rollouts';
import { duration, percent, whole } from '../numbers.ts';
import { type Match, type Result, titleOf } from '../results.ts';

export function ResultsTable({ match: { results } }: { readonly match: Match }) {
  const twoPlayers = results.some(({ evaluation }) => evaluation.outcomes);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard
    <section class="scroll" aria-label="Results" tabIndex={0}>
      <table>
        <caption>With 95 % intervals</caption>
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
    </section>
  );
}

function Row({ result, title, wide }: { readonly result: Result; readonly title: string; readonly wide: boolean }) {
  const { device, seconds, evaluation } = result;
  const { success, meanReward, meanRewardInterval, meanSteps, invalidRate, outcomes, firstFailure } = evaluation;
  const [low, high] = meanRewardInterval;
  return (
    <tr>
      <th scope="row">
        {title}
        <small>{device === 'script' ? 'scripted' : device === 'cpu' ? 'on the CPU' : 'on WebGPU'}</small>
        {firstFailure !== undefined && <small class="trouble">some games failed: {firstFailure}</small>}
      </th>
      <td>
        <RateCell {...success} />
      </td>
      <td class="number">
        {meanReward.toFixed(3)}
        <small>
          {low.toFixed(3)} to {high.toFixed(3)}
        </small>
      </td>
      <td class="number">{meanSteps.toFixed(2)}</td>
      <td class="number">{percent(invalidRate)}</td>
      {wide && (
        <td class="number">
          {outcomes
            ? [outcomes.win, outcomes.draw, outcomes.loss].map(({ rate }) => whole(100 * rate)).join(' / ')
            : '–'}
        </td>
      )}
      <td class="number">{duration(seconds)}</td>
    </tr>
  );
}

/** A rate in numbers, and its interval drawn between 0 and 1. */
export function RateCell({ rate, interval: [low, high] }: Rate) {
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
