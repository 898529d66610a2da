import { describe, expect, it } from 'vitest';
import { trainSettings } from './convert.ts';
import { decideSettings } from './decide.ts';
import { NANO_TRAITS } from './model-traits.ts';
import { checkSettings, DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

const SETTINGS: TrainSettings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe' };
const game = { environment: 'tic_tac_toe', environmentConfig: {} };

/** Each number that a setting can be wrong in, and what the message calls it. */
const WRONG: readonly (readonly [string, Partial<TrainSettings>])[] = [
  ['adamw.beta1 is 1;', { adamw: { ...SETTINGS.adamw, beta1: 1 } }],
  ['adamw.beta2 is 1;', { adamw: { ...SETTINGS.adamw, beta2: 1 } }],
  ['adamw.beta2 is -0.1;', { adamw: { ...SETTINGS.adamw, beta2: -0.1 } }],
  ['adamw.epsilon is 0;', { adamw: { ...SETTINGS.adamw, epsilon: 0 } }],
  ['adamw.weightDecay is -1;', { adamw: { ...SETTINGS.adamw, weightDecay: -1 } }],
  ['adamw.maxGradNorm is -1;', { adamw: { ...SETTINGS.adamw, maxGradNorm: -1 } }],
  ['adamw.maxGradNorm is NaN;', { adamw: { ...SETTINGS.adamw, maxGradNorm: Number.NaN } }],
  ['gaeLambda is 1.5;', { gaeLambda: 1.5 }],
  ['noteReward is -1;', { noteReward: -1 }],
  ['noteReward is 0.5; it must be 0 with history NO_HISTORY', { noteReward: 0.5 }],
  ['givenNotes is 2;', { givenNotes: 2 }],
  ['givenNotes is 0.5; it must be 0 without SCRATCHPAD', { givenNotes: 0.5 }],
  ['history is HALF_HISTORY;', { history: 'HALF_HISTORY' as 'NO_HISTORY' }],
  ['beta is Infinity;', { loss: { ...SETTINGS.loss, beta: Number.POSITIVE_INFINITY } }],
  ['beta is NaN;', { loss: { ...SETTINGS.loss, beta: Number.NaN } }],
  ['entropyCoefficient is -1;', { loss: { ...SETTINGS.loss, entropyCoefficient: -1 } }],
  ['epsilonHigh is Infinity;', { loss: { ...SETTINGS.loss, epsilonHigh: Number.POSITIVE_INFINITY } }],
  ['sapoTemperaturePos is 0;', { loss: { ...SETTINGS.loss, sapoTemperaturePos: 0 } }],
  ['learningRate is NaN;', { learningRate: Number.NaN }],
  ['temperature is NaN;', { temperature: Number.NaN }],
  ['discount is NaN;', { discount: Number.NaN }],
  ['finalRegularization is NaN;', { finalRegularization: Number.NaN }],
];

describe('checkSettings', () => {
  it('takes the defaults, and an endless norm', () => {
    expect(() => checkSettings(SETTINGS)).not.toThrow();
    const adamw = { ...SETTINGS.adamw, maxGradNorm: Number.POSITIVE_INFINITY };
    expect(() => checkSettings({ ...SETTINGS, adamw })).not.toThrow();
  });
  it.each(WRONG)('says %s', (message, wrong) => {
    expect(() => checkSettings({ ...SETTINGS, ...wrong })).toThrow(message);
  });
});

it('caps the ratio of cispo at 5 unless told otherwise, by whichever way settings are made', () => {
  const caps = [
    trainSettings(game, { loss_type: 'cispo' }),
    decideSettings({ environment: 'tic_tac_toe', given: { loss_type: 'cispo' }, model: NANO_TRAITS }).settings,
  ].map(({ loss }) => loss.epsilonHigh);
  expect(caps).toEqual([5, 5]);
  expect(trainSettings(game, { loss_type: 'cispo', epsilon_high: 3 }).loss.epsilonHigh).toBe(3);
  expect(trainSettings(game, {}).loss.epsilonHigh).toBe(0.2);
});
