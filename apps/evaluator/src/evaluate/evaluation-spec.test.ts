// A spec comes back from its link, and a link that was damaged is refused in a sentence.

import { HISTORY_STRATEGIES } from '@ludic/history';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_EVALUATION,
  type EvaluationSpec,
  evaluationLink,
  gamesKey,
  policyOf,
  readEvaluationLink,
} from './evaluation-spec.ts';

const entry = fc.oneof(
  fc.record({
    kind: fc.constant('model' as const),
    name: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).filter((name) => !/[\r\n]/.test(name)),
    history: fc.constantFrom(...HISTORY_STRATEGIES),
  }),
  fc.record({
    kind: fc.constant('scripted' as const),
    name: fc.constantFrom('random', 'expert'),
    history: fc.constantFrom(...HISTORY_STRATEGIES),
  }),
);
const spec: fc.Arbitrary<EvaluationSpec> = fc.record({
  environment: fc.constantFrom('tic_tac_toe', 'key_door'),
  config: fc.constantFrom({}, { max_steps: 7 }, { max_steps: 3, invalid_penalty: 0.25 }),
  policies: fc.array(entry, { minLength: 1, maxLength: 8 }),
  episodes: fc.integer({ min: 1, max: 100_000 }),
  seed: fc.maxSafeNat(),
  temperature: fc.double({ min: 0, max: 100, noNaN: true }).map((x) => x + 0),
  maxCompletionLength: fc.integer({ min: 1, max: 4096 }),
  device: fc.constantFrom('auto', 'cpu', 'webgpu'),
});

describe('the link of a specification', () => {
  it('gives the spec back, through an address', () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        const { hash } = new URL(evaluationLink(wanted), 'http://127.0.0.1/');
        expect(readEvaluationLink(hash)).toEqual(wanted);
      }),
    );
  });

  it('may leave out what is as usual', () => {
    expect(readEvaluationLink('#evaluate?game=key_door&seed=5')).toEqual({
      ...DEFAULT_EVALUATION,
      environment: 'key_door',
      seed: 5,
    });
    for (const none of ['', '#evaluate', '#train', '#watch?game=key_door'])
      expect(readEvaluationLink(none)).toBeUndefined();
  });

  it.each([
    ['game=chess', 'its game is "chess"'],
    ['config={', 'its config is "{"'],
    ['config=7', 'must be an object of settings'],
    ['config={"max_steps":"many"}', 'max_steps of tic_tac_toe must be'],
    ['episodes=0', 'its episodes is "0"'],
    ['episodes=1e9', 'its episodes is "1e9"'],
    ['seed=-1', 'its seed is "-1"'],
    ['seed=0.5', 'its seed is "0.5"'],
    ['temperature=', 'its temperature is ""'],
    ['temperature=NaN', 'its temperature is "NaN"'],
    ['device=toaster', 'its device is "toaster"'],
    ['history=NO_HISTORY', 'one history for each policy'],
    ['history=EVERYTHING&policy=model:nano', 'its history is "EVERYTHING"'],
    ['history=NO_HISTORY&policy=nano', 'its policy is "nano"'],
    ['history=NO_HISTORY&policy=scripted:cheat', 'its policy is "scripted:cheat"'],
    ['history=NO_HISTORY&policy=scripted:constructor', 'its policy is "scripted:constructor"'],
  ])('is refused where it cannot be used: %s', (words, message) => {
    expect(() => readEvaluationLink(`#evaluate?${words}`)).toThrow(message);
  });

  it('is never anything but a specification, nothing or a sentence', () => {
    fc.assert(
      fc.property(fc.string(), (words) => {
        try {
          const found = readEvaluationLink(`#evaluate?${words}`)!;
          gamesKey(found);
          for (const one of found.policies) policyOf(one, found);
        } catch (error) {
          expect((error as Error).message).toMatch(/\.$/);
        }
      }),
    );
  });
});

describe('the games of a specification', () => {
  it('are the same where defaults are written out, and others with another seed, number or rule', () => {
    const key = gamesKey(DEFAULT_EVALUATION);
    expect(gamesKey({ ...DEFAULT_EVALUATION, temperature: 0, policies: [] })).toBe(key);
    expect(gamesKey({ ...DEFAULT_EVALUATION, config: { invalid_penalty: JSON.parse(key)[1].invalid_penalty } })).toBe(
      key,
    );
    for (const other of [{ seed: 1 }, { episodes: 7 }, { environment: 'key_door' }, { config: { max_steps: 3 } }])
      expect(gamesKey({ ...DEFAULT_EVALUATION, ...other })).not.toBe(key);
  });
});
