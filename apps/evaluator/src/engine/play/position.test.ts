import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Position } from '../protocol.ts';
import { legalReplies, normalised, replayPosition } from './position.ts';

const cells = Array.from({ length: 9 }, (_, cell) => `<move>${cell + 1}</move>`);
const start: Position = {
  game: { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' },
  seed: 4,
  dynamicsSeed: 4,
  replies: [],
};

it('makes hints that sum to 1 and keep the order and the ratios of the probabilities', () => {
  const logprobs = fc.array(fc.double({ min: -2000, max: 0, noNaN: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(logprobs, (given) => {
      const { chances, together } = normalised(given);
      expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
      for (const [i, a] of given.entries())
        for (const [j, b] of given.entries()) if (a > b) expect(chances[i]).toBeGreaterThanOrEqual(chances[j]!);
      expect(together).toBeGreaterThanOrEqual(0);
      expect(together).toBeLessThanOrEqual(1);
    }),
  );
  const { chances, together } = normalised([Math.log(0.1), Math.log(0.3)]);
  expect(chances[0]).toBeCloseTo(0.25, 12);
  expect(together).toBeCloseTo(0.4, 12);
});

it('says where nothing is possible', () => {
  expect(normalised([-Infinity, -Infinity])).toEqual({ chances: [0, 0], together: 0 });
  expect(normalised([-Infinity, -3]).chances).toEqual([0, 1]);
});

it('knows the legal moves from the game itself', () => {
  for (const replies of [[], ['<move>5</move>'], ['<move>1</move>', 'nonsense', '<move>9</move>']]) {
    const position = { ...start, replies };
    const { frames, endReason } = replayPosition(position);
    if (endReason) continue;
    const { board } = frames.at(-1)!.state as { readonly board: string };
    expect(legalReplies(position, cells)).toEqual(cells.filter((_, cell) => board[cell] === '.'));
  }
  // Also where the other side is a person, who has not answered yet.
  const waiting = { ...start, seed: seedOfX(), opponent: [] };
  expect(legalReplies(waiting, [...cells, '<move>0</move>', ''])).toEqual(cells);
});

function seedOfX(): number {
  for (let seed = 0; ; seed++) if (replayPosition({ ...start, seed, opponent: [] }).prompt) return seed;
}
