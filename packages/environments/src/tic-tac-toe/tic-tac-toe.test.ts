import { stream } from '@ludic/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config.ts';
import { LIMIT_NOTE } from '../define-environment.ts';
import { EnvironmentError } from '../errors.ts';
import { winningCells } from './board.ts';
import type { TicTacToeState } from './state.ts';
import { NOTES } from './texts.ts';
import { ticTacToe } from './tic-tac-toe.ts';

const make = (raw: Record<string, unknown> = {}) => ticTacToe.create(resolveConfig(ticTacToe, raw));

/** A seed whose opening gives the agent `mark`. */
function seedFor(mark: 'X' | 'O'): number {
  const environment = make();
  for (let seed = 0; ; seed++) {
    environment.reset(seed);
    if (environment.state.mark === mark) return seed;
  }
}
const free = (board: string) => [...board].flatMap((mark, i) => (mark === '.' ? [i + 1] : []));

describe('Tic-Tac-Toe', () => {
  it('shows an empty board to X and one X to O', () => {
    const environment = make();
    expect(environment.reset(seedFor('X'))).toBe('You are X.\n...\n...\n...\nYour move.');
    const asO = environment.reset(seedFor('O'));
    expect(asO).toMatch(/^You are O\.\n[.X]{3}\n[.X]{3}\n[.X]{3}\nYour move\.$/);
    expect([...asO.slice(10, 22)].filter((mark) => mark === 'X')).toHaveLength(1);
    expect(environment.memory).toBe('');
  });

  it('shows the row of three that has won, and none before', () => {
    const environment = make({ opponent: 'minimax' });
    let lost = 0;
    for (let seed = 0; seed < 60; seed++) {
      environment.reset(seed);
      for (let over = false; !over; ) {
        expect(winningCells(environment.state.code)).toEqual([]);
        const cells = free(environment.state.board);
        const { terminated, info } = environment.step(`<move>${cells[seed % cells.length]}</move>`);
        over = terminated;
        if (info.outcome !== 'loss') continue;
        lost++;
        const row = winningCells(environment.state.code);
        expect(row).toHaveLength(3);
        expect(new Set(row).size).toBe(3);
        for (const cell of row) expect(environment.state.board[cell]).toBe(environment.state.mark === 'X' ? 'O' : 'X');
        break;
      }
      if (winningCells(environment.state.code).length === 0) expect(free(environment.state.board)).toEqual([]);
    }
    expect(lost).toBeGreaterThan(5);
  });

  it('asks a given player for the other side, which sees the board as its own', () => {
    const environment = make();
    const asked: string[] = [];
    const opponent = ({ board, mark }: TicTacToeState) => {
      asked.push(mark);
      return `<move>${free(board)[0]}</move>`;
    };
    expect(environment.reset(seedFor('O'), { opponent })).toBe('You are O.\nX..\n...\n...\nYour move.');
    expect(environment.step('<move>9</move>').observation).toBe('You are O.\nXX.\n...\n..O\nYour move.');
    expect(environment.step('<move>9</move>').info.invalid).toBe(true);
    expect(environment.step('<move>8</move>')).toMatchObject({ terminated: true, info: { outcome: 'loss' } });
    expect(asked).toEqual(['X', 'X', 'X']);
    environment.reset(seedFor('X'), { opponent: () => '<move>1</move>' });
    expect(() => environment.step('<move>1</move>')).toThrow(EnvironmentError);
    // Nothing has happened.
    expect(environment.state.board).toBe('.........');
    // The next game is against the scripted opponent again.
    environment.reset(seedFor('X'));
    expect(environment.step('<move>1</move>').terminated).toBe(false);
  });

  it('puts the mark on the named cell and lets the opponent answer', () => {
    const environment = make();
    environment.reset(seedFor('X'));
    const { observation, reward, terminated, truncated, info } = environment.step('<move>5</move>');
    expect(environment.state.board[4]).toBe('X');
    expect([...environment.state.board].filter((mark) => mark === 'O')).toHaveLength(1);
    expect(observation.split('\n')[2]![1]).toBe('X');
    expect({ reward, terminated, truncated, info }).toEqual({
      reward: 0,
      terminated: false,
      truncated: false,
      info: { invalid: false },
    });
  });

  it.each(['five', '<move>0</move>', '<move>10</move>', '<move></move>', '5', ''])(
    'answers %j with an explanation, the penalty and the same board',
    (reply) => {
      const environment = make({ invalid_penalty: 0.25 });
      const before = environment.reset(1);
      const step = environment.step(reply);
      expect(step.observation).toBe(`${NOTES.unreadable}\n${before}`);
      expect(step.reward).toBe(-0.25);
      expect(step.info).toEqual({ invalid: true });
      expect(step.terminated || step.truncated).toBe(false);
    },
  );

  it('refuses a taken cell', () => {
    const environment = make({ invalid_penalty: 0.25 });
    environment.reset(seedFor('X'));
    const before = environment.step('<move>5</move>').observation;
    const step = environment.step('<move>5</move>');
    expect(step.observation).toBe(`${NOTES.taken}\n${before}`);
    expect(step).toMatchObject({ reward: -0.25, info: { invalid: true }, terminated: false });
  });

  it('is cut off at the step limit without an outcome', () => {
    const environment = make({ max_steps: 2 });
    environment.reset(seedFor('X'));
    expect(environment.step('?').truncated).toBe(false);
    const step = environment.step('?');
    expect(step).toMatchObject({ truncated: true, terminated: false, reward: 0, info: { invalid: true } });
    expect(step.info.outcome).toBeUndefined();
    expect(step.observation).toBe(`${NOTES.unreadable}\n${LIMIT_NOTE}\n...\n...\n...`);
    expect(() => environment.step('<move>1</move>')).toThrow(EnvironmentError);
  });

  it('ends by three in a row or a full board, says so and shows the final board', () => {
    const environment = make();
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      environment.reset(seed);
      let step = environment.step(`<move>${free(environment.state.board)[0]}</move>`);
      while (!step.terminated) step = environment.step(`<move>${free(environment.state.board)[0]}</move>`);
      const { outcome } = step.info;
      const { board } = environment.state;
      expect(step.observation).toBe(
        `${NOTES[outcome!]}\n${board.slice(0, 3)}\n${board.slice(3, 6)}\n${board.slice(6)}`,
      );
      expect(step.reward).toBe({ win: 1, draw: 0, loss: -1 }[outcome!]);
      seen.add(outcome!);
    }
    expect(seen.size).toBe(3);
  });

  it('throws episode_over when stepped before the reset or after the end, and starts again after a reset', () => {
    const environment = make({ max_steps: 1 });
    const over = expect.objectContaining({ code: 'episode_over' });
    expect(() => environment.step('<move>1</move>')).toThrow(over);
    expect(() => environment.state).toThrow(over);
    const first = environment.reset(3);
    environment.step('?');
    expect(() => environment.step('<move>1</move>')).toThrow(over);
    expect(environment.reset(3)).toBe(first);
    expect(environment.step('?').truncated).toBe(true);
  });

  it('refuses a seed that is no whole number', () => {
    const badSeed = expect.objectContaining({ code: 'bad_seed' });
    expect(() => make().reset(0.5)).toThrow(badSeed);
    expect(() => make().reset(1, { dynamicsSeed: Number.NaN })).toThrow(badSeed);
  });

  it('repeats a game for the same seeds and replies, also after another reset', () => {
    const replies = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 });
    const opponent = fc.constantFrom('random', 'minimax', 'epsilon');
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), opponent, replies, (seed, dynamicsSeed, opponent, cells) => {
        const environment = make({ opponent });
        const play = () => {
          const texts = [environment.reset(seed, { dynamicsSeed })];
          for (const cell of cells) {
            const step = environment.step(`<move>${cell}</move>`);
            texts.push(step.observation);
            if (step.terminated || step.truncated) break;
          }
          return texts;
        };
        const first = play();
        environment.reset(seed + 1 > Number.MAX_SAFE_INTEGER ? 0 : seed + 1);
        expect(play()).toEqual(first);
      }),
    );
  });

  it('opens alike for one seed and then differs by the dynamics seed', () => {
    const environment = make();
    const openings = new Set<string>();
    const answers = new Set<string>();
    for (let dynamicsSeed = 0; dynamicsSeed < 40; dynamicsSeed++) {
      openings.add(environment.reset(11, { dynamicsSeed }));
      answers.add(environment.step(`<move>${free(environment.state.board)[0]}</move>`).observation);
    }
    expect(openings.size).toBe(1);
    expect(answers.size).toBeGreaterThan(3);
  });

  it('takes any string without throwing, and changes the board only by a legal move', () => {
    const environment = make({ max_steps: 10_000 });
    environment.reset(1);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<move>', '<move>5', '<move>٣</move>', '<move>1</move'),
    );
    fc.assert(
      fc.property(text, (reply) => {
        const { board } = environment.state;
        const step = environment.step(reply);
        if (step.info.invalid) expect(environment.state.board).toBe(board);
        if (step.terminated) environment.reset(1);
      }),
    );
  });

  it('lets every expert name free cells only', () => {
    const config = resolveConfig(ticTacToe, { opponent: 'epsilon' });
    const environment = ticTacToe.create(config);
    for (const make of Object.values(ticTacToe.experts)) {
      const expert = make(config);
      for (let seed = 0; seed < 50; seed++) {
        environment.reset(seed);
        const random = stream(seed);
        for (let over = false; !over; ) {
          const step = environment.step(expert.act(environment, random));
          expect(step.info.invalid).toBe(false);
          over = step.terminated;
        }
      }
    }
  });
});
