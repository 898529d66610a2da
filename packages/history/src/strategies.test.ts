import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildMessages,
  type EpisodeSoFar,
  HISTORY_STRATEGIES,
  HISTORY_TEXTS,
  HistoryError,
  parseHistoryStrategy,
  readScratchpad,
} from './index.ts';
import { SCRATCHPAD_LIMIT } from './scratchpad.ts';

const text = fc.string({ unit: 'binary' });
const turn = fc.record({ observation: text, reply: text });
const episode = fc.record({
  systemPrompt: text,
  turns: fc.array(turn, { maxLength: 6 }),
  observation: text,
  optimalMemory: text,
});
const start: EpisodeSoFar = { systemPrompt: 'Rules.', turns: [], observation: 'You see a key.', optimalMemory: '' };
const having = (...replies: readonly string[]): EpisodeSoFar => ({
  ...start,
  turns: replies.map((reply) => ({ observation: 'Before.', reply })),
});

describe('every strategy', () => {
  it('gives one system message, then user and assistant in turn, and the observation last', () => {
    fc.assert(
      fc.property(fc.constantFrom(...HISTORY_STRATEGIES), episode, (strategy, episode) => {
        const messages = buildMessages(strategy, episode);
        const roles = messages.map(({ role }) => role);
        const expected = roles.map((_, i) => (i === 0 ? 'system' : i % 2 === 1 ? 'user' : 'assistant'));
        expect(roles).toEqual(expected);
        expect(roles.at(-1)).toBe('user');
        expect(messages[0]!.content.startsWith(episode.systemPrompt)).toBe(true);
        expect(messages.at(-1)!.content.endsWith(episode.observation)).toBe(true);
        expect(buildMessages(strategy, structuredClone(episode))).toEqual(messages);
      }),
    );
  });
});

describe('NO_HISTORY', () => {
  it('shows the observation alone, whatever came before', () => {
    fc.assert(
      fc.property(episode, (episode) => {
        expect(buildMessages('NO_HISTORY', episode)).toEqual([
          { role: 'system', content: episode.systemPrompt },
          { role: 'user', content: episode.observation },
        ]);
      }),
    );
  });
});

describe('FULL_HISTORY', () => {
  it('shows every observation and reply in order', () => {
    const turns = [
      { observation: 'a', reply: 'b' },
      { observation: 'c', reply: 'd' },
    ];
    const contents = buildMessages('FULL_HISTORY', { ...start, turns }).map(({ content }) => content);
    expect(contents).toEqual(['Rules.', 'a', 'b', 'c', 'd', 'You see a key.']);
  });

  it('begins each turn with the messages of the turn before', () => {
    fc.assert(
      fc.property(episode, text, text, (episode, reply, observation) => {
        const now = buildMessages('FULL_HISTORY', episode);
        const turns = [...episode.turns, { observation: episode.observation, reply }];
        const next = buildMessages('FULL_HISTORY', { ...episode, turns, observation });
        expect(next.slice(0, now.length)).toEqual(now);
        expect(next).toHaveLength(now.length + 2);
      }),
    );
  });
});

describe('SCRATCHPAD', () => {
  const shown = (episode: EpisodeSoFar) => buildMessages('SCRATCHPAD', episode)[1]!.content;

  it('tells how to write it, and begins empty', () => {
    const [system, user] = buildMessages('SCRATCHPAD', start);
    expect(system!.content).toBe(`Rules.\n${HISTORY_TEXTS.scratchpadPrompt}`);
    expect(user!.content).toBe('Your scratchpad is empty.\nYou see a key.');
  });

  it('shows what the policy wrote last, and keeps it through replies without a tag', () => {
    const wrote = '<scratchpad>The key is at row 1.</scratchpad><action>up</action>';
    const pad = (text: string) => `Your scratchpad:\n<scratchpad>\n${text}\n</scratchpad>\nYou see a key.`;
    expect(shown(having(wrote))).toBe(pad('The key is at row 1.'));
    expect(shown(having(wrote, '<action>up</action>', ''))).toBe(shown(having(wrote)));
    expect(shown(having(wrote, '<scratchpad>New.</scratchpad>'))).toBe(pad('New.'));
    expect(shown(having(wrote, '<scratchpad></scratchpad>'))).toBe(shown(start));
  });

  it('shows no more of a past turn than its scratchpad', () => {
    expect(shown(having('Secret. <scratchpad>x</scratchpad>'))).not.toMatch(/Secret|Before/);
  });

  it('never grows beyond its limit', () => {
    const endless = '😀'.repeat(10_000);
    const content = shown(having(`<scratchpad>${endless}`));
    expect(content.length).toBeLessThanOrEqual(
      'Your scratchpad:\n<scratchpad>\n\n</scratchpad>\nYou see a key.'.length + SCRATCHPAD_LIMIT,
    );
    expect(content).toContain('😀'.repeat(SCRATCHPAD_LIMIT / 2));
    expect(shown(having(`<scratchpad>a${endless}`)).isWellFormed()).toBe(true);
    fc.assert(fc.property(text, (text) => (readScratchpad(`<scratchpad>a${text}`) ?? '').length <= SCRATCHPAD_LIMIT));
  });
});

describe('OPTIMAL_SCRATCHPAD', () => {
  it("shows the environment's memory before the observation, and tells so", () => {
    const [system, user] = buildMessages('OPTIMAL_SCRATCHPAD', { ...start, optimalMemory: 'The door is up.' });
    expect(system!.content).toBe(`Rules.\n${HISTORY_TEXTS.memoryPrompt}`);
    expect(user!.content).toBe('What you know:\nThe door is up.\nYou see a key.');
  });

  it('shows the observation alone where there is nothing to remember', () => {
    expect(buildMessages('OPTIMAL_SCRATCHPAD', start)[1]).toEqual(buildMessages('NO_HISTORY', start)[1]);
  });
});

describe('readScratchpad', () => {
  it.each([
    ['<scratchpad>a</scratchpad>', 'a'],
    ['text < ScratchPad > a\nb </ scratchpad > text', 'a\nb'],
    ['<scratchpad>a</scratchpad> <scratchpad>b</scratchpad>', 'b'],
    ['<scratchpad>a</scratchpad> <scratchpad>b', 'a'],
    ['<scratchpad>a <scratchpad>b</scratchpad>', 'b'],
    ['<scratchpad>a\nb', 'a\nb'],
    ['<scratchpad>a<action>up</action>', 'a'],
    ['</scratchpad>a', undefined],
    ['scratchpad', undefined],
    ['', undefined],
  ])('reads %j as %j', (reply, content) => expect(readScratchpad(reply)).toBe(content));

  it.each(['<', '< ', '<scratchpad>', '<scratchpad', '</ '])('reads a long reply of %j in linear time', (piece) => {
    const time = performance.now();
    readScratchpad(piece.repeat(300_000 / piece.length));
    readScratchpad(`<${' '.repeat(300_000)}`);
    // A quadratic reader would need minutes.
    expect(performance.now() - time).toBeLessThan(30_000);
  });
});

describe('parseHistoryStrategy', () => {
  it('takes the four names and lists them when asked for another', () => {
    for (const name of HISTORY_STRATEGIES) expect(parseHistoryStrategy(name)).toBe(name);
    expect(() => parseHistoryStrategy('FULL')).toThrow(HistoryError);
    expect(() => parseHistoryStrategy('FULL')).toThrow(
      '"FULL"; use one of NO_HISTORY, FULL_HISTORY, SCRATCHPAD, OPTIMAL_SCRATCHPAD.',
    );
  });
});
