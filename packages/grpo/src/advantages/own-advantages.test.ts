// Advantages of the user: used as they are, and refused where they are not one finite number for every turn.

import { expect, it } from 'vitest';
import { episodeOf } from '../../testing/episodes.ts';
import { type AdvantageFunction, estimatorNames, registerAdvantages } from './estimator-names.ts';
import { type AdvantageSettings, estimateAdvantages } from './estimators.ts';

const prompt = Int32Array.of(1);
const episodes = [
  episodeOf([
    { prompt, reward: 0 },
    { prompt, reward: 1 },
  ]),
  episodeOf([{ prompt, reward: 0.5 }]),
];
const plain = { scaleRewards: 'batch', discount: 1, gaeLambda: 1, noteReward: 0 } as const;
const advantagesBy = (advantageEstimator: string) =>
  estimateAdvantages(episodes, [0, 1], { ...plain, advantageEstimator }).advantages.map((each) => [...each]);

it('are those that the function gives for games, groups and settings', () => {
  const asked: [readonly number[], AdvantageSettings][] = [];
  registerAdvantages('by_reward', (played, groups, settings) => {
    asked.push([groups, settings]);
    return played.map(({ turns }) => turns.map(({ reward }) => 2 * reward));
  });
  expect(estimatorNames()).toContain('by_reward');
  expect(advantagesBy('by_reward')).toEqual([[0, 2], [1]]);
  expect(asked).toEqual([[[0, 1], { ...plain, advantageEstimator: 'by_reward' }]]);
});

it.each(['turn', 'by_reward'])('have a name that is not taken, as %s is', (name) => {
  expect(() => registerAdvantages(name, () => [])).toThrow(`advantageEstimator is ${name}; it must be a name that no`);
});

it.each<[string, () => unknown, string]>([
  ['nothing', () => undefined, 'are no lists for 2 episodes; one list for each is needed.'],
  ['too few lists', () => [[0, 0]], 'are 1 lists for 2 episodes; one list for each is needed.'],
  ['too few numbers', () => [[0], [0]], 'have 1 numbers for the 2 turns of episode 0; one for each is needed.'],
  ['a list that is none', () => [[0, 0], undefined], 'have no numbers for the 1 turns of episode 1'],
  ['NaN', () => [[0, Number.NaN], [0]], 'have NaN for turn 1 of episode 0; a finite number is needed.'],
  ['more than float32 holds', () => [[0, 0], [1e39]], 'have 1e+39 for turn 0 of episode 1; a finite number'],
  [
    'an error',
    () => {
      throw new Error('out of order');
    },
    'failed: out of order',
  ],
])('are refused where the function gives %s', (name, give, message) => {
  const id = `wrong_${name.replaceAll(' ', '_')}`;
  registerAdvantages(id, give as AdvantageFunction);
  expect(() => advantagesBy(id)).toThrow(`The advantages ${id} ${message}`);
});
