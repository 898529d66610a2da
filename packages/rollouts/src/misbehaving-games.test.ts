// Games are code of users. Whatever one does, its own episode fails with a sentence, and the others are what they would
// have been without it.

import {
  type SyncEnvironment as Environment,
  type EnvironmentDefinition,
  findEnvironment,
  limitAnswers,
  resolveConfig,
  type Step,
} from '@ludic/environments';
import { type Policy, scriptedPolicy } from '@ludic/policies';
import { afterAll, describe, expect, it } from 'vitest';
import { type Episode, evaluate, evaluationStarts, playEpisodes, replay, transcript } from './index.ts';
import { assertRoom, summarize } from './internal.ts';

limitAnswers(0.05);
afterAll(() => limitAnswers(undefined));
const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, {});
const player = () => scriptedPolicy('random', () => definition.experts.random(config));
const starts = evaluationStarts(0, 4);
const history = 'OPTIMAL_SCRATCHPAD' as const;
/** The game that misbehaves. */
const BAD = 2;

type Misdeed = (environment: Environment, config: Record<string, unknown>) => unknown;

/** The game, but for what `misdeed` returns in place of the environment of the bad episode. */
const spoiled = (misdeed: Misdeed): EnvironmentDefinition => ({
  ...definition,
  create(given) {
    const environment = definition.create(given) as Environment;
    let bad: unknown;
    return {
      reset(seed, options) {
        const observation = environment.reset(seed, options);
        if (seed !== starts[BAD]!.seed) return observation;
        bad = misdeed(environment, given as Record<string, unknown>);
        return (bad as Environment).reset(seed, options);
      },
      step: (reply) => ((bad as Environment | undefined) ?? environment).step(reply),
      get state() {
        return environment.state;
      },
      get memory() {
        return ((bad as Environment | undefined) ?? environment).memory;
      },
      get situation() {
        return ((bad as Environment | undefined) ?? environment).situation;
      },
    };
  },
});

const around = (environment: Environment, change: Partial<Record<keyof Environment, unknown>>) => ({
  reset: () => environment.reset(starts[BAD]!.seed, starts[BAD]),
  step: (reply: string) => environment.step(reply),
  memory: '',
  get situation() {
    return environment.situation;
  },
  ...change,
});
const resets =
  (answer: () => unknown): Misdeed =>
  (environment) =>
    around(environment, { reset: answer });
const steps =
  (answer: (step: Step) => unknown): Misdeed =>
  (environment) =>
    around(environment, { step: (reply: string) => answer(environment.step(reply)) });
const field = (change: Record<string, unknown>) => steps((step) => ({ ...step, ...change }));
const throws = (thrown: unknown) => () => {
  throw thrown;
};

const endless: Record<string, unknown> = { toString: () => 'x' };
endless.self = endless;
const forEver = new Proxy({}, { get: (_, name, proxy) => (name === 'then' ? undefined : proxy) });

const MISDEEDS: Readonly<Record<string, readonly [Misdeed, RegExp]>> = {
  'the situation is no text': [
    (environment) => around(environment, { situation: 7 }),
    /^situation of tic_tac_toe .* failed: its situation is 7, and must be text\.$/,
  ],
  'reset throws': [resets(throws(new Error('no board'))), /^reset of tic_tac_toe \(seed \d+, .*\) failed: no board\.$/],
  'reset promises a number': [
    resets(async () => 7),
    /^reset of tic_tac_toe .* failed: its observation is 7, and must be text\.$/,
  ],
  'reset fails later': [
    resets(() => Promise.reject(new Error('late'))),
    /^reset of tic_tac_toe \(seed .*\) failed: late\.$/,
  ],
  'reset never settles': [
    resets(() => new Promise(() => {})),
    /failed: its promise has not settled within 0.05 seconds\.$/,
  ],
  'reset answers with a thenable that throws': [
    resets(() => Object.defineProperty({}, 'then', { get: throws(new Error('then!')) })),
    /then!/,
  ],
  'reset answers with nothing': [resets(() => undefined), /observation is undefined, and must be text/],
  'reset answers with a number': [resets(() => 7), /observation is 7/],
  'reset answers with a Symbol': [resets(() => Symbol('x')), /observation is a Symbol/],
  'reset answers with a String object': [resets(() => new String('x')), /observation is an object/],
  'reset answers with a huge text': [resets(() => 'x'.repeat(2 ** 20 + 1)), /1048577 characters, and may have at most/],
  'step throws': [
    steps(throws(new Error('the board fell down'))),
    /^step of tic_tac_toe at turn 1 \(seed .*\) failed: the board fell down\.$/,
  ],
  'step throws a text': [steps(throws('plain')), /failed: plain\.$/],
  'step throws nothing': [steps(throws(undefined)), /failed: undefined\.$/],
  'step throws null': [steps(throws(null)), /failed: null\.$/],
  'step throws a Symbol': [steps(throws(Symbol('s'))), /failed: a Symbol\.$/],
  'step throws an error whose message throws': [
    steps(throws(Object.defineProperty(new Error(), 'message', { get: throws(new Error('worse')) }))),
    /cannot be read/,
  ],
  'step throws an endless message': [steps(throws(new Error('y\n'.repeat(1e6)))), /^.{100,500}…$/],
  'step promises nothing': [
    steps(async () => undefined),
    /^step of .* at turn 1 .*: it returned undefined, no step\.$/,
  ],
  'step promises a wrong reward': [steps(async (step) => ({ ...step, reward: Number.NaN })), /reward is NaN/],
  'step fails later': [steps(() => Promise.reject('gone')), /^step of tic_tac_toe at turn 1 .* failed: gone\.$/],
  'step never settles': [steps(() => new Promise(() => {})), /^step of .* at turn 1 .* has not settled within 0.05/],
  'step answers with nothing': [steps(() => undefined), /it returned undefined, no step/],
  'step answers with null': [steps(() => null), /it returned null, no step/],
  'step answers with a text': [steps(() => 'won'), /it returned the text "won", no step/],
  'step answers with a list': [steps(() => []), /observation is undefined/],
  'step answers with an endless object': [steps(() => forEver), /observation is an object/],
  'a getter of the step throws': [
    steps((step) => Object.defineProperty({ ...step }, 'reward', { get: throws(new Error('got')) })),
    /failed: got\./,
  ],
  'the observation is an object': [field({ observation: endless }), /observation is an object, and must be text/],
  'the observation is null': [field({ observation: null }), /observation is null/],
  'the observation is a promise': [field({ observation: Promise.resolve('x') }), /promise/],
  'the reward is missing': [field({ reward: undefined }), /reward is undefined, and must be a finite number/],
  'the reward is NaN': [field({ reward: Number.NaN }), /reward is NaN, and must be a finite number/],
  'the reward is Infinity': [field({ reward: Number.POSITIVE_INFINITY }), /reward is Infinity/],
  'the reward is -Infinity': [field({ reward: Number.NEGATIVE_INFINITY }), /reward is -Infinity/],
  'the reward is text': [field({ reward: '1' }), /reward is the text "1"/],
  'the reward is a BigInt': [field({ reward: 1n }), /reward is a BigInt/],
  'the reward is true': [field({ reward: true }), /reward is true/],
  'the reward is null': [field({ reward: null }), /reward is null/],
  'the reward is a Symbol': [field({ reward: Symbol('x') }), /reward is a Symbol/],
  'the reward is an object with a value': [field({ reward: { valueOf: () => 1 } }), /reward is an object/],
  'the reward is beyond all sums': [field({ reward: 1e300 }), /reward is 1e\+300, and must be between/],
  'terminated is missing': [field({ terminated: undefined }), /terminated is undefined, and must be true or false/],
  'terminated is 1': [field({ terminated: 1 }), /terminated is 1/],
  'truncated is text': [field({ truncated: 'no' }), /truncated is the text "no"/],
  'info is missing': [field({ info: undefined }), /info is undefined/],
  'info is null': [field({ info: null }), /info is null/],
  'info is empty': [field({ info: {} }), /info.invalid is undefined/],
  'success is a text': [field({ info: { invalid: false, success: 'yes' } }), /info.success is the text "yes"/],
  'its metrics are a number': [field({ info: { invalid: false, metrics: 1 } }), /info.metrics are 1/],
  'a metric is not finite': [field({ info: { invalid: false, metrics: { a: NaN } } }), /its metric a is NaN/],
  'a metric is a text': [field({ info: { invalid: false, metrics: { a: '1' } } }), /its metric a is the text "1"/],
  'a metric has a slash in its name': [
    field({ info: { invalid: false, metrics: { 'a/b': 1 } } }),
    /its metric "a\/b" must be named by lower-case letters/,
  ],
  'the outcome is unknown': [field({ info: { invalid: false, outcome: 'victory' } }), /outcome is the text "victory"/],
  'memory throws': [
    (environment) => Object.defineProperty(around(environment, {}), 'memory', { get: throws(new Error('forgot')) }),
    /^memory of tic_tac_toe.* failed: forgot\.$/,
  ],
  'memory is no text': [(environment) => around(environment, { memory: 3 }), /memory is 3, and must be text/],
  'there is no step': [(environment) => around(environment, { step: undefined }), /not a function/],
};

const play = (changed: EnvironmentDefinition, policy: Policy = player()) =>
  playEpisodes({ environment: changed, config, history, policy, starts });

const right = await play(definition);
const others = (episodes: readonly Episode[]) => episodes.filter((_, i) => i !== BAD);

describe('a game in which', () => {
  it.each(Object.entries(MISDEEDS))('%s fails alone, in a sentence', async (_, [misdeed, reason]) => {
    const episodes = await play(spoiled(misdeed));
    const bad = episodes[BAD]!;
    expect(bad).toMatchObject({ endReason: 'failed', finalObservation: '' });
    expect(bad.error).toMatch(reason);
    expect(bad.error).not.toContain('\n');
    expect(Number.isFinite(bad.reward)).toBe(true);
    expect(others(episodes)).toEqual(others(right));
    expect(summarize(episodes, 0)).toMatchObject({ failure_rate: 0.25, first_failure: bad.error });
    expect(transcript(bad)).toContain(bad.error);
    expect(JSON.parse(JSON.stringify(bad))).toMatchObject({ endReason: 'failed' });
  });

  it.each<[string, (given: unknown) => unknown, RegExp]>([
    ['create throws', throws(new Error('no room')), /^create of tic_tac_toe .* failed: no room\.$/],
    ['create answers with a promise', async (given) => definition.create(given), /promise/],
    ['create answers with nothing', () => undefined, /it returned undefined, no environment/],
    ['create answers with a text', () => 'game', /no environment/],
  ])('%s fails', async (_, create, reason) => {
    let made = 0;
    const changed = {
      ...definition,
      create: (given: unknown) => (made++ === BAD ? create(given) : definition.create(given)) as Environment,
    };
    const episodes = await play(changed);
    expect(episodes[BAD]!.error).toMatch(reason);
    expect(others(episodes)).toEqual(others(right));
  });

  it.each<[string, () => unknown]>([
    ['throws', throws(new Error('no rules'))],
    ['are no text', () => ({ rules: 1 })],
    ['are a promise', async () => 'rules'],
  ])('the rules %s fails each time, and nothing else', async (_, systemPrompt) => {
    const episodes = await play({ ...definition, systemPrompt: systemPrompt as () => string });
    expect(episodes.map(({ endReason }) => endReason)).toEqual(Array(4).fill('failed'));
    expect(episodes[0]!.error).toMatch(/^systemPrompt of tic_tac_toe failed: /);
  });

  it('settings are changed changes them for itself alone', async () => {
    const episodes = await play(
      spoiled((environment, given) => {
        for (const key of Object.keys(given)) given[key] = 'broken';
        return around(environment, {});
      }),
    );
    expect(others(episodes)).toEqual(others(right));
    expect(config).toEqual(resolveConfig(definition, {}));
  });

  it('what was returned is changed afterwards keeps what it returned', async () => {
    const mutated: Record<string, unknown>[] = [];
    const episodes = await play(
      spoiled(
        steps((step) => {
          for (const old of mutated) Object.assign(old, { reward: Number.NaN, observation: 'changed', info: null });
          mutated.push({ ...step, info: { ...step.info } });
          return mutated.at(-1);
        }),
      ),
    );
    expect(episodes).toEqual(right);
  });

  it('the reward is negative zero earns zero', async () => {
    const [episode] = await playEpisodes({
      environment: spoiled(field({ reward: -0 })),
      config,
      history,
      policy: player(),
      starts: [starts[BAD]!],
    });
    expect(episode!.endReason).not.toBe('failed');
    for (const { reward } of episode!.turns) expect(Object.is(reward, 0)).toBe(true);
  });
});

describe('a player that', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['throws', throws(new Error('lost')), /^The player random failed: lost\.$/],
    ['says nothing', () => undefined, /answered with no text/],
    ['answers with a promise', async () => '<move>1</move>', /answered with no text/],
  ])('%s loses its own game', async (_, act, reason) => {
    let made = 0;
    const policy = scriptedPolicy('random', () =>
      made++ === BAD ? { act: act as () => string } : definition.experts.random(config),
    );
    const episodes = await play(definition, policy);
    expect(episodes[BAD]).toMatchObject({ endReason: 'failed', error: expect.stringMatching(reason) });
    expect(others(episodes)).toEqual(others(right));
  });
});

it('replays a game that fails up to where it did', () => {
  const replies = right[BAD]!.turns.map(({ reply }) => reply.text);
  let count = 0;
  const changed = spoiled(steps((step) => ({ ...step, reward: count++ === 1 ? Number.NaN : step.reward })));
  const replayed = replay({ environment: changed, config, history, start: starts[BAD]!, replies });
  expect(replayed).toMatchObject({ endReason: 'failed', error: expect.stringMatching(/turn 2 .*reward is NaN/) });
  expect(replayed.frames).toHaveLength(2);
});

describe('a conversation that outgrows the context', () => {
  /** Has room for so many messages. */
  const forgetful = (most: number): Policy => {
    const inner = player();
    return {
      ...inner,
      act: async (prompts) => {
        const replies = await inner.act(prompts);
        return replies.map((reply, i) =>
          prompts[i]!.messages.length > most ? { finish: 'context_full', error: 'too long for 8 positions.' } : reply,
        );
      },
    };
  };
  const spec = { environment: definition, config, history: 'FULL_HISTORY' as const };

  it('ends its game, which counts with what it earned', async () => {
    const episodes = await playEpisodes({ ...spec, policy: forgetful(4), starts });
    expect(episodes.map(({ endReason }) => endReason)).toEqual(Array(4).fill('context_full'));
    const [episode] = episodes;
    expect(episode!.turns).toHaveLength(2);
    expect(episode!.reward).toBe(episode!.turns.reduce((sum, { reward }) => sum + reward, 0));
    expect(episode!.finalObservation).not.toBe('');
    expect(transcript(episode!)).toMatch(/The context is full: too long for 8 positions/);
    const summary = summarize(episodes, 0);
    expect(summary).toMatchObject({ context_full_rate: 1, failure_rate: 0, truncation_rate: 0 });
    expect(summary).not.toHaveProperty('first_failure');
  });

  it('is a fault of the settings where no game has room for its first prompt', async () => {
    const wanted = { ...spec, policy: forgetful(0), episodes: 4, seed: 0 };
    await expect(evaluate(wanted)).rejects.toMatchObject({ code: 'prompt_too_long', message: /8 positions/ });
    expect(() => assertRoom([])).not.toThrow();
  });
});
