// A state of a game, drawn.

import type { KeyDoorState, TicTacToeState } from '@ludic/environments';
import { CellBoard, type CellBoardProps } from './cell-board.tsx';
import { KeyDoorGrid } from './key-door-grid.tsx';
import { TicTacToeBoard } from './tic-tac-toe-board.tsx';

/** A game with a drawing of its own is a case here. */
export function Board(drawn: CellBoardProps) {
  const { game, state } = drawn;
  switch (game.environment) {
    case 'tic_tac_toe':
      return <TicTacToeBoard state={state as TicTacToeState} />;
    case 'key_door':
      return <KeyDoorGrid state={state as KeyDoorState} unseen="faint" />;
    default:
      return <CellBoard {...drawn} />;
  }
}
