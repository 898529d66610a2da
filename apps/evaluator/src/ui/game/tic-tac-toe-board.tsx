// The board of Tic-Tac-Toe, and over it the cells as buttons where a person may play.

import { type TicTacToeState, winningCells } from '@ludic/environments';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../button.tsx';
import { percent } from '../numbers.ts';
import '../styles/board.css';

const CELL = 100;
const SIDE = 3;
const CELLS = Array.from({ length: SIDE * SIDE }, (_, cell) => cell);
const placeOf = (cell: number) => ({ row: Math.floor(cell / SIDE), column: cell % SIDE });
const nameOf = (cell: number) => `row ${placeOf(cell).row + 1}, column ${placeOf(cell).column + 1}`;

/** What is drawn. */
interface Drawn {
  readonly state: TicTacToeState;
  /** By cell, how likely a policy would move there. */
  readonly hints?: ReadonlyMap<number, number> | undefined;
}

/** Rows are read out one by one, as a table would be. */
export function TicTacToeBoard({ state: { board, code }, hints }: Drawn) {
  const won = winningCells(code);
  const rows = [0, 1, 2].map((row) => [...board.slice(row * SIDE, (row + 1) * SIDE)].map(said).join(', '));
  return (
    <svg
      class="board"
      viewBox={`0 0 ${SIDE * CELL} ${SIDE * CELL}`}
      role="img"
      aria-label={rows.map((row, i) => `Row ${i + 1}: ${row}`).join('. ')}
    >
      {CELLS.map((cell) => {
        const { row, column } = placeOf(cell);
        const mark = board[cell]!;
        const chance = hints?.get(cell);
        return (
          <g
            key={cell}
            class="cell"
            data-cell={cell}
            data-mark={mark}
            data-won={won.includes(cell)}
            transform={`translate(${column * CELL} ${row * CELL})`}
          >
            <rect class="ground" width={CELL} height={CELL} />
            {chance !== undefined && <Chance chance={chance} />}
            {mark === 'X' && <path class="mark-x" d="M28 28 L72 72 M72 28 L28 72" />}
            {mark === 'O' && <circle class="mark-o" cx="50" cy="50" r="25" />}
          </g>
        );
      })}
      <path class="lines" d="M100 8 V292 M200 8 V292 M8 100 H292 M8 200 H292" />
    </svg>
  );
}

/** How likely a move is: the likelier, the fuller its cell. */
function Chance({ chance }: { readonly chance: number }) {
  return (
    <>
      <rect class="chance" x="9" y="9" width={CELL - 18} height={CELL - 18} rx="8" opacity={0.08 + 0.92 * chance} />
      <text class="chance-text" x={CELL / 2} y={CELL / 2} font-size="15">
        {percent(chance)}
      </text>
    </>
  );
}

/** The same board to play on: by pointer, by tab and arrow keys, or by the digits 1 to 9. */
export function PlayableBoard({
  state,
  hints,
  open,
  onPlay,
}: Drawn & { readonly open: boolean; readonly onPlay: (cell: number) => void }) {
  const [at, setAt] = useState(4);
  const cells = useRef<HTMLFieldSetElement>(null);
  // Keys work at once.
  useLayoutEffect(() => cells.current!.querySelectorAll('button')[4]!.focus(), []);
  const move = (event: KeyboardEvent) => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key >= '1' && key <= '9') {
      event.preventDefault();
      play(Number(key) - 1);
      return;
    }
    const { row, column } = placeOf(at);
    const next = {
      ArrowUp: row > 0 ? at - SIDE : at,
      ArrowDown: row < SIDE - 1 ? at + SIDE : at,
      ArrowLeft: column > 0 ? at - 1 : at,
      ArrowRight: column < SIDE - 1 ? at + 1 : at,
    }[key];
    if (next === undefined) return;
    event.preventDefault();
    setAt(next);
    cells.current!.querySelectorAll('button')[next]!.focus();
  };
  const play = (cell: number) => {
    if (open && state.board[cell] === '.') onPlay(cell);
  };
  return (
    <div class="playable">
      <TicTacToeBoard state={state} hints={hints} />
      <fieldset class="cells" aria-label="Board" ref={cells} onKeyDown={move}>
        {CELLS.map((cell) => {
          const chance = hints?.get(cell);
          const free = state.board[cell] === '.';
          return (
            <Button
              key={cell}
              tabIndex={cell === at ? 0 : -1}
              aria-disabled={!(open && free)}
              aria-label={`${nameOf(cell)}, ${said(state.board[cell]!)}${chance === undefined ? '' : `, hint ${percent(chance)}`}`}
              onFocus={() => setAt(cell)}
              onClick={() => play(cell)}
            />
          );
        })}
      </fieldset>
    </div>
  );
}

const said = (mark: string) => (mark === '.' ? 'free' : mark);
