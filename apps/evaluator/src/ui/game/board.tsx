// A state of a game, drawn. Games without a drawing are shown as data.

import type { KeyDoorState, TicTacToeState } from '@ludic/environments';
import { KeyDoorGrid } from './key-door-grid.tsx';
import { TicTacToeBoard } from './tic-tac-toe-board.tsx';

/** A new game is a case here; without one its state is shown as JSON. */
export function Board({ environment, state }: { readonly environment: string; readonly state: unknown }) {
  switch (environment) {
    case 'tic_tac_toe':
      return <TicTacToeBoard state={state as TicTacToeState} />;
    case 'key_door':
      return <KeyDoorGrid state={state as KeyDoorState} unseen="faint" />;
    default:
      return <pre class="text">{JSON.stringify(state, undefined, 2)}</pre>;
  }
}
