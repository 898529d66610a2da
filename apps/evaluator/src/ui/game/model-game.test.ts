// A model brings its game into the forms, but for what the visitor has said by hand.

import type { EnvironmentSpec } from '@ludic/rollouts';
import type { CarriedGame } from '@ludic/rollouts/internal';
import { describe, expect, it } from 'vitest';
import { DEFAULT_EVALUATION, type EvaluationSpec } from '../../evaluate/evaluation-spec.ts';
import { gameTitle } from './game-title.ts';
import {
  allChosen,
  differenceFrom,
  evaluationFor,
  evaluationIn,
  gameFor,
  knownHere,
  NO_CHOICES,
  noteChoices,
  samplingFor,
} from './model-game.ts';

const CARRIED: CarriedGame = {
  environment: 'key_door',
  config: { size: 3, max_steps: 20 },
  history: 'SCRATCHPAD',
  temperature: 1,
  maxCompletionLength: 48,
  stop: ['</action>'],
};
const FORM: EnvironmentSpec = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' };
const TRAINED: EnvironmentSpec = { environment: 'key_door', config: CARRIED.config, history: 'SCRATCHPAD' };

describe('the game in a form, when a model is chosen', () => {
  it('is the one that it was trained in', () => {
    expect(gameFor(CARRIED, FORM, NO_CHOICES)).toEqual(TRAINED);
  });

  it('stays the one that was chosen by hand', () => {
    const named = noteChoices(NO_CHOICES, { ...FORM, environment: 'key_door' }, FORM);
    expect(gameFor(CARRIED, FORM, named)).toEqual(FORM);
  });

  it('keeps settings that were changed by hand, and no others', () => {
    const before = { ...FORM, environment: 'key_door' };
    const after = { ...before, config: { max_steps: 7 } };
    const named = noteChoices(noteChoices(NO_CHOICES, FORM, before), before, after);
    expect(gameFor(CARRIED, after, named)).toEqual({ ...TRAINED, config: { size: 3, max_steps: 7 } });
    const seeing = { ...after, history: 'FULL_HISTORY' } as const;
    expect(gameFor(CARRIED, seeing, noteChoices(named, after, seeing)).history).toBe('FULL_HISTORY');
  });

  it('is the one of an address, where that says it', () => {
    const linked: EnvironmentSpec = { environment: 'key_door', config: {}, history: 'NO_HISTORY' };
    const { config, ...rest } = gameFor(CARRIED, linked, allChosen(linked));
    expect(rest).toEqual({ environment: 'key_door', history: 'NO_HISTORY' });
    expect(config).toMatchObject({ size: 4 });
    expect(differenceFrom(CARRIED, linked)).toMatch(/trained with size 3, .*history SCRATCHPAD; this is size 4, /);
    expect(differenceFrom(CARRIED, TRAINED)).toBeUndefined();
  });

  it('is unknown here where the page cannot play it', () => {
    expect(knownHere(CARRIED)).toBe(CARRIED);
    expect(knownHere({ ...CARRIED, environment: 'chess' })).toBeUndefined();
    expect(knownHere({ ...CARRIED, config: { size: 1 } })).toBeUndefined();
  });

  it('is told with its grid', () => {
    expect(gameTitle(TRAINED)).toBe('KeyDoor 3×3');
    expect(gameTitle({ environment: 'key_door', config: {} })).toBe('KeyDoor 4×4');
    expect(gameTitle(FORM)).toBe('Tic-Tac-Toe');
  });
});

it('a model that is looked at samples as in its training where it plays that game, and sees it as there', () => {
  expect(samplingFor(CARRIED, { ...TRAINED, config: {} })).toEqual({ temperature: 1, maxCompletionLength: 48 });
  expect(samplingFor(CARRIED, { ...TRAINED, history: 'NO_HISTORY' })).toEqual({ temperature: 1 });
  expect(samplingFor(CARRIED, FORM)).toEqual({});
});

describe('an evaluation, when a model is chosen', () => {
  const policies: EvaluationSpec['policies'] = [
    { kind: 'model', name: 'mine', history: 'NO_HISTORY' },
    { kind: 'scripted', name: 'minimax', history: 'NO_HISTORY' },
  ];

  it('is of its game, at temperature 0, as long as its replies', () => {
    const spec = evaluationFor(CARRIED, 'mine', { ...DEFAULT_EVALUATION, policies }, NO_CHOICES);
    expect(spec).toMatchObject({
      environment: 'key_door',
      config: CARRIED.config,
      temperature: 0,
      maxCompletionLength: 48,
    });
    expect(spec.policies).toEqual([
      { kind: 'model', name: 'mine', history: 'SCRATCHPAD' },
      { kind: 'scripted', name: 'expert', history: 'NO_HISTORY' },
    ]);
  });

  it('cuts off no other model', () => {
    const other = { kind: 'model', name: 'nano', history: 'NO_HISTORY' } as const;
    const spec = { ...DEFAULT_EVALUATION, policies: [...policies, other] };
    const found = evaluationFor(CARRIED, 'mine', spec, NO_CHOICES);
    expect(found.maxCompletionLength).toBe(DEFAULT_EVALUATION.maxCompletionLength);
    expect(found.policies[2]).toEqual(other);
  });

  it('is at the temperature of the evaluations in its training, also in a game that was opened with it', () => {
    const judged = { ...CARRIED, evalTemperature: 0.5 };
    const opened = { ...DEFAULT_EVALUATION, environment: 'key_door', config: { size: 5 }, policies };
    const named = { ...NO_CHOICES, environment: true, config: opened.config };
    const found = evaluationFor(judged, 'mine', opened, named);
    expect(found).toMatchObject({ temperature: 0.5, maxCompletionLength: 48, config: { size: 5, max_steps: 20 } });
    expect(evaluationFor(judged, 'mine', opened, { ...named, sampling: true })).toMatchObject({ temperature: 0 });
  });

  it('of another game, chosen by hand, is left as it is, and not sampled as in its own', () => {
    const judged = { ...CARRIED, evalTemperature: 1 };
    const own = evaluationFor(judged, 'mine', { ...DEFAULT_EVALUATION, policies }, NO_CHOICES);
    const before: EnvironmentSpec = { ...own, history: 'NO_HISTORY' };
    const named = noteChoices(NO_CHOICES, before, FORM);
    const other = evaluationIn(FORM, own, named);
    const { temperature, maxCompletionLength } = DEFAULT_EVALUATION;
    expect(other).toMatchObject({ environment: 'tic_tac_toe', config: {}, temperature, maxCompletionLength });
    const seeing = { ...other, policies: [{ ...other.policies[0]!, history: 'FULL_HISTORY' } as const] };
    expect(evaluationFor(judged, 'mine', seeing, named)).toEqual(seeing);
    // What was said by hand stays.
    const warm = { ...own, temperature: 0.7 };
    expect(evaluationIn(FORM, warm, { ...named, sampling: true }).temperature).toBe(0.7);
    // The same game with another spec is sampled as before.
    expect(evaluationIn({ ...before, config: { size: 4 } }, own, NO_CHOICES)).toMatchObject({ temperature: 1 });
  });
});
