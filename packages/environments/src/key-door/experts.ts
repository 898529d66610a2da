// Scripted players of KeyDoor, from one that knows nothing to one that sees everything. All decide by the state alone,
// whose record of visited cells is their memory, so one object serves every episode.

import type { Expert } from '../contract.ts';
import { EnvironmentError } from '../errors.ts';
import { explore } from './explore.ts';
import { ACTIONS, type Direction, type KeyDoorAction, type KeyDoorState, seenPart, towards } from './state.ts';

const reply = (action: KeyDoorAction) => `<action>${action}</action>`;

/** One step on a shortest way to `target`, or interact on it. */
function reach(agent: number, target: number, size: number): KeyDoorAction {
  return towards(agent, target, size)[0] ?? 'interact';
}

/** Uniform over the five actions. */
export const randomWalker: Expert<KeyDoorState> = {
  act: (_environment, random) => reply(ACTIONS[random.nextInt(ACTIONS.length)]!),
};

/** Knows where everything is: the fewest steps possible. */
export const omniscient: Expert<KeyDoorState> = {
  act: ({ state: { size, agent, key, door, carrying } }) => reply(reach(agent, carrying ? door : key, size)),
};

/** Uses only what the agent has seen, and all of it: straight to what it knows, else on through the unvisited cells. */
export const expert: Expert<KeyDoorState> = {
  act: ({ state }) => {
    const seen = seenPart(state);
    const target = seen.carrying ? seen.door : seen.key;
    return reply(target === undefined ? explore(seen) : reach(seen.agent, target, seen.size));
  },
};

/** The next step of the fixed round trip: along the top row, down through the rest in a snake, back up column 1. */
function roundTrip(agent: number, size: number): Direction {
  const row = Math.floor(agent / size);
  const column = agent % size;
  if (row === 0) return column < size - 1 ? 'right' : 'down';
  if (column === 0) return 'up';
  if (row % 2 === 0) return column < size - 1 ? 'right' : 'down';
  return column > 1 || row === size - 1 ? 'left' : 'down';
}

/** Remembers nothing: walks a round trip through all cells and interacts where that helps. Even sizes only. */
export function tour(size: number): Expert<KeyDoorState> {
  if (size % 2 === 1) {
    const message = `No round trip visits all cells of a ${size}x${size} grid once; the tour needs an even size.`;
    throw new EnvironmentError('bad_config', message);
  }
  return {
    act: ({ state: { agent, key, door, carrying } }) =>
      reply(agent === (carrying ? door : key) ? 'interact' : roundTrip(agent, size)),
  };
}
