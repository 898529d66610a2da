// The state of KeyDoor and what follows from it: which cell holds what, and what the agent has seen so far.

/** The actions of KeyDoor. */
export const ACTIONS = ['up', 'down', 'left', 'right', 'interact'] as const;
/** One of the actions of KeyDoor. */
export type KeyDoorAction = (typeof ACTIONS)[number];
export type Direction = Exclude<KeyDoorAction, 'interact'>;

/** Cells are numbered row by row from 0. */
export interface KeyDoorState {
  readonly size: number;
  readonly agent: number;
  readonly key: number;
  readonly door: number;
  readonly carrying: boolean;
  /** One number per row; bit c is set where the agent has been in column c. */
  readonly visited: readonly number[];
}

/** The part of the state that the agent knows: all that an honest player may use. */
export interface Seen {
  readonly size: number;
  readonly agent: number;
  readonly carrying: boolean;
  readonly visited: readonly number[];
  /** Where the key lies, once seen; undefined again once taken. */
  readonly key: number | undefined;
  readonly door: number | undefined;
}

/** Whether the agent has been in `cell`. */
export function isVisited(visited: readonly number[], size: number, cell: number): boolean {
  return ((visited[Math.floor(cell / size)]! >> (cell % size)) & 1) === 1;
}

/** `visited` with `cell` added; the same array where it was in it already. */
export function visit(visited: readonly number[], size: number, cell: number): readonly number[] {
  if (isVisited(visited, size, cell)) return visited;
  const rows = visited.slice();
  rows[Math.floor(cell / size)]! |= 1 << (cell % size);
  return rows;
}

/** What an honest player knows of a state. */
export function seenPart(state: KeyDoorState): Seen {
  const { size, agent, carrying, visited, key, door } = state;
  return {
    size,
    agent,
    carrying,
    visited,
    key: !carrying && isVisited(visited, size, key) ? key : undefined,
    door: isVisited(visited, size, door) ? door : undefined,
  };
}

/** The cell next to `cell`, or undefined where there is a wall. */
export function neighbour(cell: number, size: number, direction: Direction): number | undefined {
  switch (direction) {
    case 'up':
      return cell >= size ? cell - size : undefined;
    case 'down':
      return cell < size * (size - 1) ? cell + size : undefined;
    case 'left':
      return cell % size > 0 ? cell - 1 : undefined;
    case 'right':
      return cell % size < size - 1 ? cell + 1 : undefined;
    default:
      return direction satisfies never;
  }
}

export const DIRECTIONS: readonly Direction[] = ['up', 'down', 'left', 'right'];

/** The directions that bring `from` closer to `to`; empty where they are the same cell. */
export function towards(from: number, to: number, size: number): readonly Direction[] {
  const rows = Math.floor(to / size) - Math.floor(from / size);
  const columns = (to % size) - (from % size);
  const directions: Direction[] = [];
  if (rows !== 0) directions.push(rows < 0 ? 'up' : 'down');
  if (columns !== 0) directions.push(columns < 0 ? 'left' : 'right');
  return directions;
}

/** Steps from one cell to another. */
export function distance(a: number, b: number, size: number): number {
  return Math.abs(Math.floor(a / size) - Math.floor(b / size)) + Math.abs((a % size) - (b % size));
}
