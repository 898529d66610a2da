// Plugins: all of one or nothing is registered, and what is wrong with it is one sentence.

import { HISTORY_STRATEGIES, historyNames } from '@ludic/history';
import { expect, it } from 'vitest';
import { ADVANTAGE_ESTIMATORS, estimatorNames } from '../advantages/estimator-names.ts';
import { LOSS_TYPES, lossNames } from '../loss/loss-types.ts';
import { checkSettings, DEFAULT_TRAINING } from '../settings/train-settings.ts';
import { type Plugin, pluggedIn, registerPlugin } from './plugin.ts';

const build = () => [{ role: 'user', content: '' }] as const;
const loss = { surrogate: 'clipped', averaging: 'batch' } as const;
const callback = { afterStep: () => {} };

it.each<[string, unknown, string]>([
  ['nothing', undefined, 'must be an object that has one of histories, advantages, losses, callbacks.'],
  ['an empty object', {}, 'must be an object that has one of'],
  ['a part that is none', { history: {} }, 'has history, which is none of histories, advantages, losses, callbacks.'],
  ['a name with a blank', { histories: { 'MY OWN': build } }, 'has the history "MY OWN"; a name must be letters'],
  ["one of Ludic's names", { losses: { dapo: loss } }, 'has the loss dapo, a name that is taken; choose another.'],
  ['no function', { advantages: { mine: 5 } }, 'has the advantages mine, which cannot be used; it must be a function.'],
  ['a loss without averaging', { losses: { mine: { surrogate: () => {} } } }, 'must be an object with a surrogate'],
  ['a callback that does nothing', { callbacks: { mine: {} } }, 'it must be an object with beforeStep, afterStep or'],
  [
    'one wrong part of several',
    { histories: { MINE: build }, losses: { mine: null } },
    'has the loss mine, which cannot',
  ],
])('refuses %s, and registers none of it', (_, plugin, message) => {
  expect(() => registerPlugin(plugin as Plugin)).toThrow(message);
  expect([historyNames(), estimatorNames(), lossNames()]).toEqual([
    HISTORY_STRATEGIES,
    ADVANTAGE_ESTIMATORS,
    LOSS_TYPES,
  ]);
});

it('makes names known to settings, and says which of a run are its own', () => {
  const settings = {
    ...DEFAULT_TRAINING,
    environment: 'tic_tac_toe',
    history: 'MINE',
    advantageEstimator: 'mine',
    loss: { ...DEFAULT_TRAINING.loss, lossType: 'mine' },
  };
  expect(() => checkSettings(settings)).toThrow('history is MINE; it must be one of NO_HISTORY');
  const plugin: Plugin = {
    histories: { MINE: build },
    advantages: { mine: (episodes) => episodes.map(() => []) },
    losses: { mine: loss },
    callbacks: { mine: callback },
  };
  const origin = { file: '/mine.ts', sha256: 'abc' };
  registerPlugin(plugin, origin);
  checkSettings(settings);
  expect(() => checkSettings({ ...settings, advantageEstimator: 'other' })).toThrow('situation, mine.');
  expect(pluggedIn(settings, { mine: callback, other: callback })).toEqual([
    ...(['history', 'advantages', 'loss', 'callback'] as const).map((kind) => ({
      kind,
      name: kind === 'history' ? 'MINE' : 'mine',
      ...origin,
    })),
    { kind: 'callback', name: 'other' },
  ]);
  expect(pluggedIn({ ...DEFAULT_TRAINING, environment: 'tic_tac_toe' }, {})).toEqual([]);
  expect(() => registerPlugin({ callbacks: { mine: callback } }, origin)).toThrow('has the callback mine, a name that');
});
