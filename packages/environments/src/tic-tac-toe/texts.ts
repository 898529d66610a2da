// Every line that Tic-Tac-Toe says. They are few and fixed, so that a tokenizer can make each a single token.

import { POSITIONS } from './board.ts';
import type { TicTacToeState } from './state.ts';

export const SYSTEM_PROMPT = [
  'You play Tic-Tac-Toe. Three of your marks in a row win: across, down or diagonally.',
  'The cells are numbered 1 to 9, row by row from the top left. A dot is a free cell.',
  'Answer with the number of a free cell, such as <move>5</move>.',
].join('\n');

export const NOTES = {
  win: 'You win.',
  draw: 'Draw.',
  loss: 'You lose.',
  taken: 'That cell is taken. Choose a free cell.',
  unreadable: 'That is not a cell. Answer with a number from 1 to 9, such as <move>5</move>.',
} as const;

const rows = (board: string) => `${board.slice(0, 3)}\n${board.slice(3, 6)}\n${board.slice(6)}`;

/** Observations of a running game by board, X's before O's, written when first needed. */
const written = new Array<string | undefined>(2 * POSITIONS).fill(undefined);

export function observation({ board, mark, code }: TicTacToeState, over: boolean): string {
  if (over) return rows(board);
  const index = mark === 'X' ? code : POSITIONS + code;
  written[index] ??= `You are ${mark}.\n${rows(board)}\nYour move.`;
  return written[index];
}
