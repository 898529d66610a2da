// What the tests of the games share: an episode played by an expert, and a comparison of counts with probabilities.

import { stream } from '@ludic/random';
import { expect } from 'vitest';
import type { Expert, Step, SyncEnvironment } from '../src/contract.ts';

export interface Played {
  readonly steps: number;
  readonly reward: number;
  readonly last: Step;
}

export function playEpisode<State>(environment: SyncEnvironment<State>, expert: Expert<State>, seed: number): Played {
  environment.reset(seed);
  const random = stream(seed, 'player');
  let reward = 0;
  for (let steps = 1; ; steps++) {
    const last = environment.step(expert.act(environment, random));
    reward += last.reward;
    if (last.terminated || last.truncated) return { steps, reward, last };
  }
}

/** `count` of `total` lies within four standard errors of `probability`, and is exact for the impossible and the sure. */
export function expectShare(count: number, total: number, probability: number): void {
  const deviation = Math.sqrt((probability * (1 - probability)) / total);
  expect(Math.abs(count / total - probability)).toBeLessThanOrEqual(4 * deviation + 1e-12);
}
