import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { guessNumber } from '../examples/guess_number.ts';
import { playEpisode } from '../testing/play.ts';
import type { SyncEnvironment } from './contract.ts';
import { defineEnvironment, type Expert, environments, registerEnvironment, resolveConfig } from './index.ts';

it('makes a game of one file of at most 120 lines, the one that the README shows', () => {
  const text = readFileSync(new URL('../examples/guess_number.ts', import.meta.url), 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(120);
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(text.slice(text.indexOf('interface GuessState')));
  const config = resolveConfig(guessNumber, { largest: 100, max_steps: 7 });
  const environment = guessNumber.create(config);
  expect(guessNumber.systemPrompt(config)).toContain('between 1 and 100');
  for (let seed = 0; seed < 100; seed++) {
    // Seven halvings find any number up to 127.
    expect(playEpisode(environment, guessNumber.experts.expert(config), seed).reward).toBe(1);
  }
  expect(environment.reset(1)).toBe('What is your guess?');
  expect(environment.memory).toBe('The number is between 1 and 100.');
  expect(environment.step('<guess>0</guess>').observation).toBe('It is higher than 0.');
  expect(environment.step('<guess>none</guess>').info.invalid).toBe(true);
});

it('plays a registered game by its name', () => {
  registerEnvironment(guessNumber);
  const definition = environments.get('guess_number')!;
  const config = resolveConfig(definition, { max_steps: 50 });
  const played = playEpisode(definition.create(config) as SyncEnvironment, definition.experts.random(config), 4);
  expect(played.last.terminated).toBe(true);
});

it('takes rules that answer later', async () => {
  const player = (): Expert<string> => ({ act: () => '<word>no</word>' });
  const asked: string[] = [];
  const lookUp = async (word: string) => {
    asked.push(word);
    return { open: 'sesame' }[word] ?? 'nothing';
  };
  const game = defineEnvironment({
    id: 'look_up',
    title: 'Look up',
    description: 'A word is looked up.',
    replyTag: 'word',
    settings: {},
    unreadable: 'Write <word>…</word>.',
    systemPrompt: () => 'Say a word.',
    readAction: (text) => text,
    start: async () => await lookUp('start'),
    play: async (_, word: string) => ({ state: await lookUp(word), reward: 1, terminated: word === 'open' }),
    observe: (state) => state,
    limit: () => ({ steps: 3, reward: -1 }),
    experts: { random: player, expert: player },
  });
  const environment = game.create({});
  expect(() => environment.step('')).toThrow(expect.objectContaining({ code: 'episode_over' }));
  expect(await environment.reset(1)).toBe('nothing');
  // What needs no rule is said at once.
  expect(environment.step('open')).toMatchObject({
    observation: 'Write <word>…</word>.\nnothing',
    info: { invalid: true },
  });
  expect(await environment.step('<word>open</word>')).toMatchObject({
    observation: 'sesame',
    terminated: true,
    reward: 1,
  });
  expect(() => environment.step('<word>open</word>')).toThrow(expect.objectContaining({ code: 'episode_over' }));
  await environment.reset(1);
  for (let i = 0; i < 2; i++) expect(await environment.step('<word>shut</word>')).toMatchObject({ truncated: false });
  expect(await environment.step('<word>shut</word>')).toMatchObject({ truncated: true, reward: 0 });
  expect(asked).toEqual(['start', 'open', 'start', 'shut', 'shut', 'shut']);
});
