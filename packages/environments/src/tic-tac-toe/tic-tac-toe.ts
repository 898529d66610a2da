// Tic-Tac-Toe against a scripted opponent, or one that the caller gives. The agent's mark is part of the opening; as O it finds X's first move made.

import type { RandomStream } from '@ludic/random';
import { defineEnvironment, type Move, type OtherSide } from '../define-environment.ts';
import { EnvironmentError } from '../errors.ts';
import { type Digit, DRAW, EMPTY, POWERS, tables } from './board.ts';
import { expertMaker } from './experts.ts';
import { opponentMove } from './opponent.ts';
import { settings, type TicTacToeConfig } from './settings.ts';
import { stateOf, type TicTacToeState } from './state.ts';
import { NOTES, observation, SYSTEM_PROMPT } from './texts.ts';

/** The end of the game as the agent sees it; undefined while it goes on. */
function ended(state: TicTacToeState, config: TicTacToeConfig): Move<TicTacToeState> | undefined {
  const status = tables().status[state.code]!;
  if (status === 0) return undefined;
  if (status === DRAW) {
    return { state, reward: config.draw_reward, note: NOTES.draw, terminated: true, outcome: 'draw' };
  }
  const won = (status === 1) === (state.mark === 'X');
  return won
    ? { state, reward: config.win_reward, note: NOTES.win, terminated: true, outcome: 'win' }
    : { state, reward: config.loss_reward, note: NOTES.loss, terminated: true, outcome: 'loss' };
}

/** The other side's cell on a board. @param mark the agent's */
function answerTo(
  board: number,
  mark: TicTacToeState['mark'],
  config: TicTacToeConfig,
  random: RandomStream,
  opponent: OtherSide<TicTacToeState, number> | undefined,
): number {
  if (!opponent) return opponentMove(board, config, random);
  const cell = opponent(stateOf(board, mark === 'X' ? 'O' : 'X'));
  if (tables().free[board]!.includes(cell)) return cell;
  throw new EnvironmentError('bad_opponent', `The opponent chose cell ${cell + 1}, which is taken.`);
}

/** Three in a row against a random, a perfect or a half-careful opponent. */
export const ticTacToe = defineEnvironment({
  id: 'tic_tac_toe',
  title: 'Tic-Tac-Toe',
  description: 'Three in a row on a 3x3 board against a random, a perfect or a half-careful opponent.',
  settings,
  replyTag: 'move',
  unreadable: NOTES.unreadable,
  systemPrompt: () => SYSTEM_PROMPT,
  readAction: (text): number | undefined => {
    const cell = text.length === 1 ? text.charCodeAt(0) - 49 : -1;
    return cell >= 0 && cell < 9 ? cell : undefined;
  },
  start: (config, random, opponent): TicTacToeState => {
    if (random.nextInt(2) === 0) return stateOf(EMPTY, 'X');
    return stateOf(POWERS[answerTo(EMPTY, 'O', config, random, opponent)]!, 'O');
  },
  play: (state: TicTacToeState, cell: number, config, random, opponent): Move<TicTacToeState> => {
    if (state.board[cell] !== '.') return { state, note: NOTES.taken, invalid: true };
    const own: Digit = state.mark === 'X' ? 1 : 2;
    const moved = state.code + own * POWERS[cell]!;
    if (tables().status[moved] === 0) {
      const answer = answerTo(moved, state.mark, config, random, opponent);
      const next = stateOf(moved + (3 - own) * POWERS[answer]!, state.mark);
      return ended(next, config) ?? { state: next };
    }
    const last = stateOf(moved, state.mark);
    return ended(last, config) ?? { state: last };
  },
  observe: (state: TicTacToeState, _config, over) => observation(state, over),
  situation: ({ code, mark }: TicTacToeState) => `${mark} ${code}`,
  limit: (config) => ({ steps: config.max_steps, reward: 0 }),
  invalidPenalty: (config) => config.invalid_penalty,
  experts: {
    random: expertMaker('random'),
    expert: expertMaker('expert'),
    minimax: expertMaker('minimax'),
    best_response: expertMaker('best_response'),
    minimax_best_response: expertMaker('minimax_best_response'),
  },
});
