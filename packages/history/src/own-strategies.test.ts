// A strategy of the user: where its name is taken, and what is said of one that gives no prompt.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  buildMessages,
  type EpisodeSoFar,
  HISTORY_STRATEGIES,
  type HistoryFunction,
  historyNames,
  parseHistoryStrategy,
  registerHistory,
} from './index.ts';

const episode: EpisodeSoFar = {
  systemPrompt: 'Rules.',
  turns: [{ observation: 'a', reply: 'b' }],
  observation: 'c',
  optimalMemory: '',
};

it('is known by its name beside the others, and builds the messages', () => {
  registerHistory('LAST_REPLY', ({ turns, observation }) => [
    { role: 'user', content: `${turns.at(-1)?.reply ?? ''} ${observation}` },
  ]);
  expect(historyNames()).toEqual([...HISTORY_STRATEGIES, 'LAST_REPLY']);
  expect(parseHistoryStrategy('LAST_REPLY')).toBe('LAST_REPLY');
  expect(buildMessages('LAST_REPLY', episode)).toEqual([{ role: 'user', content: 'b c' }]);
  expect(() => parseHistoryStrategy('LAST')).toThrow('OPTIMAL_SCRATCHPAD, LAST_REPLY.');
  expect(() => buildMessages('LAST', episode)).toThrow('There is no history strategy "LAST"');
});

it.each([...HISTORY_STRATEGIES, 'LAST_REPLY'])('does not take the name %s, which is taken', (name) => {
  expect(() => registerHistory(name, () => [])).toThrow(`There is already a history strategy ${name}`);
});

it('is a sentence with its name where it throws, or gives what is no prompt', () => {
  const wrong: unknown[] = [undefined, null, 'text', [], [null], [{ role: 'user' }], [{ role: 'tool', content: '' }]];
  const given: { value: unknown } = { value: undefined };
  registerHistory('WRONG', (() => given.value) as HistoryFunction);
  registerHistory('THROWS', () => {
    throw new Error('out of order');
  });
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...wrong), fc.array(fc.anything())), (value) => {
      given.value = value;
      expect(() => buildMessages('WRONG', episode)).toThrow(/^The history strategy WRONG must /);
    }),
  );
  given.value = [{ role: 'assistant', content: 'I begin.' }];
  expect(() => buildMessages('WRONG', episode)).toThrow('must end its messages with one of the user');
  expect(() => buildMessages('THROWS', episode)).toThrow('The history strategy THROWS failed: out of order');
});
