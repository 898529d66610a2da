import fc from 'fast-check';
import { expect, it } from 'vitest';
import { replayPosition } from '../engine/play/position.ts';
import { gameStatus, OTHER, type PlayedMove, personSide, policySide, type TwoPlayerGame } from './two-players.ts';

const game = { environment: 'tic_tac_toe', config: {}, history: 'FULL_HISTORY' } as const;
const play = (by: PlayedMove['by'], cell: number): PlayedMove => ({ by, reply: `<move>${cell}</move>` });

it('is one game seen from two chairs, whatever is played, refused replies of the policy included', () => {
  const choice = fc.record({ pick: fc.nat(1000), slip: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(fc.constantFrom('X', 'O'), fc.array(choice, { minLength: 20, maxLength: 20 }), (mark, choices) => {
      let played: TwoPlayerGame = { game, mark, seed: 1, moves: [] };
      let slips = 0;
      for (const { pick, slip } of choices) {
        const { turn, state, outcome, refused } = gameStatus(played);
        expect(state.mark).toBe(OTHER[mark]);
        const marks = [...state.board].filter((cell) => cell !== '.').length;
        expect(marks).toBe(played.moves.length - slips);
        if (turn === 'over') {
          expect(outcome).toBeDefined();
          return;
        }
        expect(refused).toBe(played.moves.at(-1)?.reply === 'hm');
        // X and O take turns, X first.
        expect(turn === 'person').toBe((mark === 'X') === (marks % 2 === 0));
        const { prompt } = replayPosition(policySide(played));
        expect(prompt !== undefined).toBe(turn === 'policy');
        if (turn === 'person') {
          const mine = replayPosition(personSide(played));
          const seen = mine.frames.at(-1)!.state as typeof state;
          expect(seen).toMatchObject({ board: state.board, mark });
          expect(mine.prompt!.messages.at(-1)!.content).toContain(`You are ${mark}.`);
        }
        const free = [...state.board].flatMap((cell, i) => (cell === '.' ? [i + 1] : []));
        const slipped = turn === 'policy' && slip === 0 && slips < 3;
        if (slipped) slips++;
        const move = slipped ? { by: turn, reply: 'hm' } : play(turn, free[pick % free.length]!);
        played = { ...played, moves: [...played.moves, move] };
      }
    }),
  );
});

it('tells who has won', () => {
  const moves = [1, 4, 2, 5, 3].map((cell, i) => play(i % 2 === 0 ? 'person' : 'policy', cell));
  expect(gameStatus({ game, mark: 'X', seed: 0, moves })).toMatchObject({ turn: 'over', outcome: 'loss' });
  const lost = [1, 4, 2, 5, 9, 6].map((cell, i) => play(i % 2 === 0 ? 'person' : 'policy', cell));
  expect(gameStatus({ game, mark: 'X', seed: 0, moves: lost })).toMatchObject({ turn: 'over', outcome: 'win' });
  const hopeless = Array.from({ length: 10 }, (): PlayedMove => ({ by: 'policy', reply: '?' }));
  expect(gameStatus({ game, mark: 'O', seed: 0, moves: hopeless })).toMatchObject({
    turn: 'over',
    outcome: undefined,
  });
});
