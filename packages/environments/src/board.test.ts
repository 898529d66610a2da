// Boards, good and bad.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Board, boardOf, defineEnvironment, findEnvironment } from './index.ts';

const game = (board?: (state: { readonly at: number }, config: { readonly width: number }) => Board) =>
  defineEnvironment({
    id: 'line',
    title: 'Line',
    description: 'A line.',
    replyTag: 'go',
    settings: { width: { type: 'integer', default: 3, description: 'cells' } },
    unreadable: '',
    systemPrompt: () => '',
    readAction: (text) => text,
    start: () => ({ at: 1 }),
    play: (state) => ({ state }),
    observe: () => '',
    limit: () => ({ steps: 1, reward: 0 }),
    experts: { random: () => ({ act: () => '' }), expert: () => ({ act: () => '' }) },
    ...(board && { board }),
  });
const drawn = (definition: unknown) => boardOf(definition as never, { at: 1 }, { width: 3 });

it('is what the game describes of a state and its settings', () => {
  const line = game(({ at }, { width }) => [
    Array.from({ length: width }, (_, x) => (x === at ? { text: 'o', kind: 'player' } : { text: '' })),
  ]);
  expect(drawn(line)).toEqual([[{ text: '' }, { text: 'o', kind: 'player' }, { text: '' }]]);
});

it('is not there where a game describes none', () => {
  expect(drawn(game())).toBeUndefined();
  expect(boardOf(findEnvironment('tic_tac_toe'), {}, {})).toBeUndefined();
});

it.each([
  [() => 5, /^board of line failed: the board is no list\.$/],
  [() => [{ text: 'x' }], /row 1 is no list/],
  [() => [[{ text: 'x' }], [undefined]], /cell 1 of row 2 is no cell/],
  // biome-ignore lint/suspicious/noSparseArray: what a game may do
  [() => [[, { text: 'x' }]], /cell 1 of row 1 is no cell/],
  [() => [[{ text: 5 }]], /cell 1 of row 1 has no text/],
  [() => [[{ text: 'x'.repeat(41) }]], /at most 40 characters/],
  [() => Array.from({ length: 65 }, () => []), /the board has 65 parts/],
  [
    () => {
      throw new Error('no paint');
    },
    /^board of line failed: no paint\.$/,
  ],
])('is refused with its place where it is none: %s', (board, message) => {
  expect(() => drawn(game(board as never))).toThrow(message);
});

it('is a board or one error, whatever a game returns', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.array(fc.array(fc.record({ text: fc.anything(), kind: fc.anything() })))),
      (given) => {
        let board: Board | undefined;
        try {
          board = drawn(game(() => given as never));
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_game' });
          return;
        }
        for (const { text, kind = '' } of board!.flat())
          expect([typeof text, typeof kind]).toEqual(['string', 'string']);
      },
    ),
  );
});
