// Evaluations below each other, each with how far its numbers may be from the true ones.

import type { Evaluation, Rate } from '@ludic/rollouts';
import { duration, percent, whole } from '../numbers.ts';

export interface Result {
  /** Counts up. */
  readonly id: number;
  readonly policy: string;
  readonly game: string;
  readonly history: string;
  readonly device: string;
  readonly seed: number;
  readonly seconds: number;
  readonly evaluation: Evaluation;
}

export function ResultsTable({ results }: { readonly results: readonly Result[] }) {
  return (
    <div class="scroll">
      <table>
        <caption>Results, with 95 % intervals</caption>
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Game</th>
            <th scope="col">Success</th>
            <th scope="col">Mean reward</th>
            <th scope="col">Steps</th>
            <th scope="col">Invalid</th>
            <th scope="col">Win / draw / loss</th>
            <th scope="col">Games</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {results.map((result) => (
            <Row key={result.id} {...result} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ policy, game, history, device, seed, seconds, evaluation }: Result) {
  const { success, meanReward, meanRewardInterval, meanSteps, invalidRate, outcomes, episodes, firstFailure } =
    evaluation;
  const [low, high] = meanRewardInterval;
  return (
    <tr>
      <th scope="row">
        {policy}
        <small>{device === 'script' ? 'scripted' : device === 'cpu' ? 'CPU' : 'WebGPU'}</small>
      </th>
      <td>
        {game}
        <small>{history}</small>
      </td>
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
      <td class="number">
        {outcomes ? [outcomes.win, outcomes.draw, outcomes.loss].map(({ rate }) => percent(rate)).join(' / ') : '–'}
      </td>
      <td class="number">
        {whole(episodes)}
        <small>seed {seed}</small>
        {firstFailure !== undefined && <small class="trouble">some failed: {firstFailure}</small>}
      </td>
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
