// The board of a state, for drawing. It is described by code of users: what comes out is a board, or one error in a sentence.

import { reasonOf } from './checked-game.ts';
import type { Board, BoardCell, EnvironmentDefinition } from './contract.ts';
import { EnvironmentError } from './errors.ts';
import { watched } from './watch.ts';

/** Rows, and cells of one: more could not be told apart. */
const LARGEST = 64;
/** Characters of a cell. */
const LONGEST = 40;

/**
 * How a state looks.
 * @param config a resolved config of the definition
 * @returns undefined where the game describes no board
 * @throws EnvironmentError `bad_game`
 */
export function boardOf(definition: EnvironmentDefinition, state: unknown, config: unknown): Board | undefined {
  if (definition.board === undefined) return undefined;
  try {
    const call = { game: definition.id, call: 'board', seed: 0, dynamicsSeed: 0, turn: 0 };
    const rows = listOf(
      watched(call, () => definition.board!(state, config)),
      'the board',
    );
    return rows.map((row, y) =>
      listOf(row, `row ${y + 1}`).map((cell, x) => cellOf(cell, `cell ${x + 1} of row ${y + 1}`)),
    );
  } catch (error) {
    throw new EnvironmentError('bad_game', `board of ${definition.id} failed: ${reasonOf(error)}`, { cause: error });
  }
}

function listOf(given: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(given)) throw new Error(`${name} is no list`);
  if (given.length > LARGEST) throw new Error(`${name} has ${given.length} parts, and may have ${LARGEST}`);
  // A list with gaps skips them in map.
  return Array.from(given);
}

function cellOf(given: unknown, name: string): BoardCell {
  if (typeof given !== 'object' || given === null) throw new Error(`${name} is no cell`);
  const { text, kind } = given as Partial<Record<keyof BoardCell, unknown>>;
  if (typeof text !== 'string' || text.length > LONGEST)
    throw new Error(`${name} has no text of at most ${LONGEST} characters`);
  return typeof kind === 'string' ? { text, kind } : { text };
}
