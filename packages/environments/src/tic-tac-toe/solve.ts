// Best play against an opponent that is known but imperfect: exact expectimax over all positions, by any goal.

import { type Digit, DRAW, POSITIONS, POWERS, tables } from './board.ts';
import { carelessness, type OpponentConfig } from './opponent.ts';

/** Probabilities of the agent's win, draw and loss. */
export type Chances = readonly [win: number, draw: number, loss: number];

/** How a player chooses: among `cells` of a board, given the chances of each, the ones it likes equally well. */
export type CellChoice = (board: number, cells: readonly number[], chances: readonly Chances[]) => readonly number[];

const TOLERANCE = 1e-12;

/** Of all cells those with the highest score; later scores decide between equals of the earlier ones. */
export function highest(...scores: readonly ((chances: Chances) => number)[]): CellChoice {
  return (_board, cells, chances) => {
    let kept = cells.map((cell, i) => ({ cell, chances: chances[i]! }));
    for (const score of scores) {
      const top = Math.max(...kept.map((move) => score(move.chances)));
      kept = kept.filter((move) => score(move.chances) >= top - TOLERANCE);
    }
    return kept.map(({ cell }) => cell);
  };
}

/** Only moves that keep the game-theoretic value; among those the ones that `then` likes. */
export function safe(then: CellChoice): CellChoice {
  return (board, cells, chances) => {
    const best = tables().best[board]!;
    const index = cells.flatMap((cell, i) => (best.includes(cell) ? [i] : []));
    return then(
      board,
      index.map((i) => cells[i]!),
      index.map((i) => chances[i]!),
    );
  };
}

/** Only the lowest of the cells that `choice` likes. */
export function first(choice: CellChoice): CellChoice {
  return (board, cells, chances) => choice(board, cells, chances).slice(0, 1);
}

export const anyCell: CellChoice = (_board, cells) => cells;

export interface Plan {
  /** The chances from `board` on, whichever side is to move. */
  chances(board: number): Chances;
  /** The moves that the player likes equally well; it draws one of them evenly. */
  moves(board: number): readonly number[];
}

function mean(chances: readonly Chances[]): Chances {
  const sum = [0, 0, 0] as [number, number, number];
  for (const [win, draw, loss] of chances) {
    sum[0] += win / chances.length;
    sum[1] += draw / chances.length;
    sum[2] += loss / chances.length;
  }
  return sum;
}

/** The plan of a player of `mark` that chooses by `choice` against the configured opponent. Positions are solved on demand. */
export function plan(mark: Digit, choice: CellChoice, config: OpponentConfig): Plan {
  const { free, status, toMove, best } = tables();
  const share = carelessness(config);
  const known = new Array<Chances | undefined>(POSITIONS).fill(undefined);
  const liked = new Array<readonly number[] | undefined>(POSITIONS).fill(undefined);

  const after = (board: number, cells: readonly number[]) =>
    cells.map((cell) => chances(board + toMove[board]! * POWERS[cell]!));

  const opponentChances = (board: number): Chances => {
    const careless = share > 0 ? mean(after(board, free[board]!)) : undefined;
    const careful = share < 1 ? mean(after(board, best[board]!)) : undefined;
    if (!careless || !careful) return (careless ?? careful)!;
    const mix = (i: 0 | 1 | 2) => share * careless[i] + (1 - share) * careful[i];
    return [mix(0), mix(1), mix(2)];
  };

  const moves = (board: number): readonly number[] => {
    liked[board] ??= choice(board, free[board]!, after(board, free[board]!));
    return liked[board];
  };

  function chances(board: number): Chances {
    if (status[board] === DRAW) return [0, 1, 0];
    if (status[board] !== 0) return status[board] === mark ? [1, 0, 0] : [0, 0, 1];
    known[board] ??= toMove[board] === mark ? mean(after(board, moves(board))) : opponentChances(board);
    return known[board];
  }

  return { chances, moves };
}
