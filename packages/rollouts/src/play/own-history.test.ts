// A history of the user that fails is no failure of a game: it would be one of every game, and teach nothing without a word.

import { registerHistory } from '@ludic/history';
import { scriptedPolicy } from '@ludic/policies';
import { expect, it } from 'vitest';
import { evaluationStarts, playEpisodes } from '../index.ts';

const play = (history: string) =>
  playEpisodes({
    environment: 'tic_tac_toe',
    config: {},
    history,
    policy: scriptedPolicy('first', () => ({ act: () => '<move>1</move>' })),
    starts: evaluationStarts(0, 2),
  });

it('is what the policy sees', async () => {
  registerHistory('COUNTED', ({ turns }) => [{ role: 'user', content: `Turn ${turns.length}.` }]);
  const [episode] = await play('COUNTED');
  const texts = episode!.turns.map(({ prompt }) => prompt.map(({ content }) => content).join());
  expect(texts).toEqual(texts.map((_, t) => `Turn ${t}.`));
});

it('ends the play with its name where it fails', async () => {
  registerHistory('BROKEN', ({ turns }) => {
    if (turns.length > 0) throw new Error('out of order');
    return [{ role: 'user', content: 'Begin.' }];
  });
  await expect(play('BROKEN')).rejects.toThrow('The history strategy BROKEN failed: out of order');
  await expect(play('UNKNOWN')).rejects.toThrow('There is no history strategy "UNKNOWN"');
});
