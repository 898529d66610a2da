// The grid of KeyDoor: where the agent has been is light, the rest is dark. What it has not seen yet is faint or hidden.

import { isVisited, type KeyDoorState, seenPart } from '@ludic/environments';
import '../styles/board.css';

const CELL = 60;
const placeOf = (cell: number, size: number) => ({ row: Math.floor(cell / size), column: cell % size });
const nameOf = (cell: number, size: number) =>
  `row ${placeOf(cell, size).row + 1}, column ${placeOf(cell, size).column + 1}`;

/** The drawing says the same in words, for screen readers and tests. */
export function KeyDoorGrid({
  state,
  unseen,
}: {
  readonly state: KeyDoorState;
  /** Whether key and door are shown before the agent has seen them. */
  readonly unseen: 'faint' | 'hidden';
}) {
  const { size, agent, key, door, carrying, visited } = state;
  const seen = seenPart(state);
  const cells = Array.from({ length: size * size }, (_, cell) => cell);
  const been = cells.filter((cell) => isVisited(visited, size, cell)).length;
  /** The agent does not hide what it stands on. */
  const over = agent === door || (agent === key && !carrying);
  const shows = (place: number | undefined) => place !== undefined || unseen === 'faint';
  const at = (cell: number) => {
    const { row, column } = placeOf(cell, size);
    return `translate(${column * CELL} ${row * CELL})`;
  };
  const label = [
    `Grid of ${size} by ${size}`,
    `you are at ${nameOf(agent, size)}`,
    carrying ? 'you carry the key' : `key ${whereIs(key, seen.key, size, unseen)}`,
    `door ${whereIs(door, seen.door, size, unseen)}`,
    `${been} of ${size * size} cells seen`,
  ].join('; ');
  return (
    <svg class="board" viewBox={`0 0 ${size * CELL} ${size * CELL}`} role="img" aria-label={label}>
      {cells.map((cell) => (
        <rect
          key={cell}
          class="ground"
          data-cell={cell}
          data-seen={isVisited(visited, size, cell)}
          width={CELL - 4}
          height={CELL - 4}
          x={placeOf(cell, size).column * CELL + 2}
          y={placeOf(cell, size).row * CELL + 2}
          rx="6"
        />
      ))}
      {shows(seen.door) && (
        <g class="thing door" data-thing="door" data-at={door} data-seen={seen.door !== undefined} transform={at(door)}>
          <path d="M17 50 V18 A13 9 0 0 1 43 18 V50 Z" />
          <circle class="knob" cx="37" cy="33" r="2.6" />
        </g>
      )}
      {!carrying && shows(seen.key) && (
        <g class="thing key" data-thing="key" data-at={key} data-seen={seen.key !== undefined} transform={at(key)}>
          <circle cx="20" cy="30" r="8" />
          <path d="M28 30 H48 M42 30 V37 M47 30 V36" />
        </g>
      )}
      <g
        class="thing agent"
        data-thing="agent"
        data-at={agent}
        data-carrying={carrying}
        data-over={over}
        transform={at(agent)}
      >
        <circle cx="30" cy="30" r={over ? 24 : 14} />
        {carrying && (
          <g class="key" transform="translate(34 0) scale(0.42)">
            <circle class="badge" cx="32" cy="32" r="28" />
            <circle cx="20" cy="30" r="8" />
            <path d="M28 30 H48 M42 30 V37 M47 30 V36" />
          </g>
        )}
      </g>
    </svg>
  );
}

const whereIs = (cell: number, seen: number | undefined, size: number, unseen: 'faint' | 'hidden') =>
  seen !== undefined
    ? `at ${nameOf(cell, size)}`
    : unseen === 'hidden'
      ? 'not seen yet'
      : `at ${nameOf(cell, size)}, not seen yet`;
