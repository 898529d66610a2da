// The state of Tic-Tac-Toe. There are few, so each is made once and shared.

import { digitAt, type Mark, POSITIONS, POWERS } from './board.ts';

/** A board, and which mark the agent plays. */
export interface TicTacToeState {
  /** Nine characters, row by row: `X`, `O` or `.`. */
  readonly board: string;
  /** The agent's mark. */
  readonly mark: Mark;
  /** The board as a number in base 3; see board.ts. */
  readonly code: number;
}

/** All states by `code`, X's before O's, made when first needed. */
const states = new Array<TicTacToeState | undefined>(2 * POSITIONS).fill(undefined);

export function stateOf(code: number, mark: Mark): TicTacToeState {
  const index = mark === 'X' ? code : POSITIONS + code;
  const known = states[index];
  if (known) return known;
  const board = POWERS.map((_, cell) => '.XO'[digitAt(code, cell)]).join('');
  const state: TicTacToeState = { board, mark, code };
  states[index] = state;
  return state;
}
