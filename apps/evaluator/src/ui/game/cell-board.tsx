// A board as its game describes it: rows of cells. Of a game that describes none, what it says.

import { type Board, type BoardCell, boardOf, findEnvironment, resolveConfig } from '@ludic/environments';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { Alert } from '../form.tsx';
import './cell-board.css';

/** A moment of a game. */
export interface CellBoardProps {
  readonly game: Pick<EnvironmentSpec, 'environment' | 'config'>;
  readonly state: unknown;
  readonly observation: string;
}

const CELL = 100;

/** A description that cannot be drawn is told of, beside what the game says. */
export function CellBoard({ game: { environment, config }, state, observation }: CellBoardProps) {
  const definition = findEnvironment(environment);
  try {
    const board = boardOf(definition, state, resolveConfig(definition, config));
    if (board?.some((row) => row.length > 0)) return <Drawn board={board} />;
    return <Said text={observation} />;
  } catch (error) {
    return (
      <>
        <Said text={observation} />
        <Alert text={(error as Error).message} />
      </>
    );
  }
}

const Said = ({ text }: { readonly text: string }) => <pre class="text said">{text || '(nothing is said)'}</pre>;

/** Rows are read out one by one, as a table would be. */
function Drawn({ board }: { readonly board: Board }) {
  const columns = Math.max(...board.map((row) => row.length));
  return (
    <svg
      class="board cell-board"
      viewBox={`0 0 ${columns * CELL} ${board.length * CELL}`}
      role="img"
      aria-label={board.map((row, y) => `Row ${y + 1}: ${row.map(spoken).join(', ')}`).join('. ')}
    >
      {board.map((row, y) =>
        row.map(({ text, kind }, x) => (
          <g key={`${y} ${x}`} data-kind={kind} data-text={text} transform={`translate(${x * CELL} ${y * CELL})`}>
            <rect x="3" y="3" width={CELL - 6} height={CELL - 6} rx="8" />
            <text x={CELL / 2} y={CELL / 2} font-size={Math.min(56, 130 / Math.max(1, [...text].length))}>
              {text}
            </text>
          </g>
        )),
      )}
    </svg>
  );
}

const spoken = ({ text, kind }: BoardCell) => [kind, text].filter(Boolean).join(' ') || 'empty';
