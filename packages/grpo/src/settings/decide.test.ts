import { defineEnvironment, registerEnvironment } from '@ludic/environments';
import { HISTORY_STRATEGIES } from '@ludic/history';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideSettings } from './decide.ts';
import type { TrainingFields } from './fields.ts';
import { MODEL_KINDS, type ModelTraits, NANO_TRAITS, traitsOfName } from './model-traits.ts';
import { RULE_TEXTS } from './rule-texts.ts';
import { evaluationPlan, RULES } from './rules.ts';
import { checkSettings } from './train-settings.ts';

registerEnvironment(
  defineEnvironment({
    id: 'own_game',
    title: 'A game of a user',
    description: 'One question.',
    settings: {},
    replyTag: 'answer',
    unreadable: 'What?',
    systemPrompt: () => 'Say yes.',
    readAction: (text: string) => text,
    start: () => ({}),
    play: (state: object) => ({ state, reward: 1, terminated: true }),
    observe: () => 'Well?',
    limit: () => ({ steps: 1, reward: 0 }),
    experts: {
      random: () => ({ act: () => '<answer>yes</answer>' }),
      expert: () => ({ act: () => '<answer>yes</answer>' }),
    },
  }),
);
const GAMES = ['tic_tac_toe', 'key_door', 'own_game'];
const anyModel: fc.Arbitrary<ModelTraits> = fc.record({
  kind: fc.constantFrom(...MODEL_KINDS),
  parameters: fc.integer({ min: 10_000, max: 2 ** 33 }),
});

it('has each of its rules in words', () => {
  expect(Object.keys(RULE_TEXTS)).toEqual(RULES.map(({ field }) => field));
});

describe('a model that thinks', () => {
  const model = { kind: 'instruct', parameters: 600_000_000, thinks: true } as const;

  it('is told not to, as its thoughts would use up the reply', () => {
    const { settings } = decideSettings({ environment: 'tic_tac_toe', model });
    expect(settings.templateOptions).toEqual({ enable_thinking: false });
    const given = { template_options: { enable_thinking: true } };
    expect(decideSettings({ environment: 'tic_tac_toe', model, given }).settings.templateOptions).toEqual(
      given.template_options,
    );
  });
});

describe('settings that are not named', () => {
  it('can be used, whatever the game, the history, the model and what is named', () => {
    const named = fc.record(
      {
        history: fc.constantFrom(...HISTORY_STRATEGIES),
        steps: fc.integer({ min: 1, max: 5000 }),
        batch_size: fc.integer({ min: 2, max: 5000 }),
        lora_rank: fc.integer({ min: 1, max: 64 }),
        learning_rate: fc.constantFrom(1e-5, 0.01),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...GAMES), named, anyModel, (environment, given, model) => {
        const { settings, choices } = decideSettings({ environment, given: given as TrainingFields, model });
        expect(() => checkSettings(settings)).not.toThrow();
        // What is named is kept and is no choice.
        for (const [field, value] of Object.entries(given)) {
          expect(choices.map((choice) => choice.field)).not.toContain(field);
          if (field === 'lora_rank') expect(settings.lora?.rank).toBe(value);
        }
        expect(settings).toMatchObject({
          ...(given.steps && { steps: given.steps }),
          ...(given.batch_size && { batchSize: given.batch_size }),
          ...(given.learning_rate && { learningRate: given.learning_rate }),
        });
        for (const { reason } of choices) expect(reason).toMatch(/\w{3}/);
        // Evaluation costs at most a tenth of the training, but for the one game that it must have.
        const evaluations = Math.ceil(settings.steps / settings.evalEvery);
        const games = evaluations * settings.evalEpisodes;
        expect(games <= 0.1 * settings.steps * settings.batchSize || games === 1).toBe(true);
        expect(settings.evalTemperature).toBe(0);
      }),
    );
  });

  it('make whole groups where a group is named', () => {
    for (const group of [2, 7, 24, 100]) {
      const { settings } = decideSettings({
        environment: 'tic_tac_toe',
        given: { group_size: group },
        model: NANO_TRAITS,
      });
      expect(settings.batchSize % group).toBe(0);
    }
  });

  it('give a price to invalid replies where a game knows one and none is named', () => {
    const config = (environmentConfig: Record<string, unknown>, environment = 'tic_tac_toe') =>
      decideSettings({ environment, environmentConfig, model: NANO_TRAITS }).settings.environmentConfig;
    expect(config({})).toEqual({ invalid_penalty: 0.3 });
    expect(config({ invalid_penalty: 0, opponent: 'minimax' })).toEqual({ invalid_penalty: 0, opponent: 'minimax' });
    expect(config({}, 'own_game')).toEqual({});
  });

  it('rise and fall in time, however short the run is', () => {
    for (const steps of [1, 8, 40, 1000]) {
      const { warmupSteps } = decideSettings({
        environment: 'key_door',
        given: { steps },
        model: NANO_TRAITS,
      }).settings;
      expect(warmupSteps).toBeLessThanOrEqual(Math.max(1, steps / 4));
      expect(warmupSteps).toBeLessThanOrEqual(5);
    }
  });

  it('are the more careful, the larger the model, and bolder for an adapter', () => {
    const rate = (parameters: number, given: TrainingFields = {}) =>
      decideSettings({ environment: 'own_game', given, model: { kind: 'instruct', parameters } }).settings.learningRate;
    const rates = [1e6, 124e6, 500e6, 7e9].map((parameters) => rate(parameters));
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect(rate(7e9)).toBeCloseTo(1e-6);
    expect(rate(500e6, { lora_rank: 8 })).toBeCloseTo(10 * rate(500e6));
  });

  it('are the more careful, the fewer games a step has', () => {
    const rate = (parameters: number, batch_size?: number) =>
      decideSettings({
        environment: 'own_game',
        given: batch_size === undefined ? {} : { batch_size },
        model: { kind: 'base', parameters },
      }).settings.learningRate;
    for (const parameters of [1e6, 500e6]) {
      const rates = [2, 16, 64, undefined].map((batch) => rate(parameters, batch));
      expect(rates).toEqual([...rates].sort((a, b) => a - b));
      expect(rate(parameters, 4096)).toBe(rate(parameters));
    }
    expect(rate(1e6, 16)).toBeCloseTo(rate(1e6) / 4);
  });
});

describe('evaluations', () => {
  it('are planned within a tenth of the games', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 2, max: 20_000 }), (steps, batch) => {
        const { every, episodes } = evaluationPlan(steps, batch);
        const games = Math.ceil(steps / every) * episodes;
        expect(games <= 0.1 * steps * batch || games === 1).toBe(true);
        expect(every).toBeGreaterThanOrEqual(1);
      }),
    );
    expect(evaluationPlan(200, 512)).toEqual({ every: 50, episodes: 500 });
  });
});

describe('a model that is not here yet', () => {
  it.each([
    ['Qwen/Qwen2.5-0.5B-Instruct', 'instruct', 0.5e9],
    ['HuggingFaceTB/SmolLM2-135M', 'base', 135e6],
    ['google/gemma-3-1b-it', 'instruct', 1e9],
    ['microsoft/DialoGPT-small', 'base', 500e6],
  ] as const)('%s is judged by its name', (name, kind, parameters) => {
    expect(traitsOfName(name)).toEqual({ kind, parameters });
  });
});
