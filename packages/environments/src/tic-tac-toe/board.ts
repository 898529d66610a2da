// Tic-Tac-Toe as tables. A board is a number in base 3, cell i (0–8, row by row) being digit i: 0 free, 1 X, 2 O. So
// every question about a position is one array access. Built on first use, in a few milliseconds.

export type Mark = 'X' | 'O';
/** 1 for X, 2 for O: the digit that stands for the mark. */
export type Digit = 1 | 2;

export const CELLS = 9;
export const EMPTY = 0;
export const POSITIONS = 3 ** CELLS;

/** The power of 3 that belongs to each cell: adding `digit * POWERS[cell]` puts a mark there. */
export const POWERS: readonly number[] = Array.from({ length: CELLS }, (_, cell) => 3 ** cell);

const LINES = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
  [0, 3, 6],
  [1, 4, 7],
  [2, 5, 8],
  [0, 4, 8],
  [2, 4, 6],
] as const;

/** running, X has won, O has won, draw. */
export type Status = 0 | 1 | 2 | 3;
export const DRAW = 3;

export interface Tables {
  /** Free cells, ascending. */
  readonly free: readonly (readonly number[])[];
  readonly status: readonly Status[];
  /** Whose turn it is. */
  readonly toMove: readonly Digit[];
  /** The game-theoretic value for the side to move: 1, 0 or -1. Reachable positions only. */
  readonly value: Int8Array;
  /** All moves that keep this value. */
  readonly best: readonly (readonly number[])[];
}

export function digitAt(board: number, cell: number): number {
  return Math.floor(board / POWERS[cell]!) % 3;
}

/** The cells of a row of three that has won, none while there is no winner. */
export const winningCells = (board: number): readonly number[] =>
  LINES.find(([a, b, c]) => {
    const digit = digitAt(board, a);
    return digit !== 0 && digit === digitAt(board, b) && digit === digitAt(board, c);
  }) ?? [];

function build(): Tables {
  const free: number[][] = [];
  const status: Status[] = [];
  const toMove: Digit[] = [];
  for (let board = 0; board < POSITIONS; board++) {
    const cells = POWERS.flatMap((_, cell) => (digitAt(board, cell) === 0 ? [cell] : []));
    const [winning] = winningCells(board);
    free.push(cells);
    status.push(winning !== undefined ? (digitAt(board, winning) as Digit) : cells.length > 0 ? 0 : DRAW);
    toMove.push(cells.length % 2 === 1 ? 1 : 2);
  }
  const value = new Int8Array(POSITIONS);
  const best: (readonly number[])[] = new Array(POSITIONS).fill([]);
  const solve = (board: number): number => {
    if (status[board] !== 0) return status[board] === DRAW ? 0 : -1; // The side to move has been beaten.
    if (best[board]!.length > 0) return value[board]!;
    const values = free[board]!.map((cell) => -solve(board + toMove[board]! * POWERS[cell]!));
    value[board] = Math.max(...values);
    best[board] = free[board]!.filter((_, i) => values[i] === value[board]);
    return value[board]!;
  };
  solve(EMPTY);
  return { free, status, toMove, value, best };
}

let built: Tables | undefined;

export function tables(): Tables {
  built ??= build();
  return built;
}
