// Every line that KeyDoor says. They are few and fixed, so that a tokenizer can make each a single token.

import type { Facts } from '../contract.ts';
import { DIRECTIONS, isVisited, type KeyDoorState, neighbour, type Seen, seenPart, towards } from './state.ts';

export const SYSTEM_PROMPT = [
  'You walk through a grid. Find the key and take it. Then find the locked door and open it.',
  'You see only the cell that you are in. Row 1 is at the top, column 1 is on the left.',
  'The actions are up, down, left, right and interact. Interact takes the key and opens the door.',
  'Answer with one action, such as <action>up</action>.',
].join('\n');

export const NOTES = {
  wall: 'There is a wall. You stay.',
  take: 'You take the key.',
  open: 'You open the door.',
  locked: 'The door is locked. You need the key.',
  nothing: 'There is nothing to interact with.',
  unreadable: 'That is not an action. Answer with one action, such as <action>up</action>.',
} as const;

const HERE = ['There is nothing here.', 'There is a key here.', 'There is a locked door here.'];

const place = (cell: number, size: number) => `row ${Math.floor(cell / size) + 1}, column ${(cell % size) + 1}`;

/** The observations of a grid by (cell, carrying, what is here), written when first needed. */
const written = new Map<number, (string | undefined)[]>();

function write(size: number, agent: number, carrying: boolean, here: number): string {
  const possible = DIRECTIONS.filter((direction) => neighbour(agent, size, direction) !== undefined);
  return [
    `You are at ${place(agent, size)} of a ${size}x${size} grid.`,
    carrying ? 'You carry the key.' : 'You do not carry the key.',
    HERE[here],
    `Possible moves: ${possible.join(', ')}.`,
  ].join('\n');
}

export function observation(state: KeyDoorState): string {
  const { size, agent, carrying, key, door } = state;
  const here = agent === door ? 2 : agent === key && !carrying ? 1 : 0;
  const texts = written.get(size) ?? [];
  written.set(size, texts);
  const index = agent * 6 + (carrying ? 3 : 0) + here;
  texts[index] ??= write(size, agent, carrying, here);
  return texts[index];
}

/** The lines about key and door by size and cell, written when first needed: facts are asked for at every turn. */
const sightings = { key: new Map<number, string[]>(), door: new Map<number, string[]>() };

function sighting(name: 'key' | 'door', cell: number, size: number): string {
  const texts = sightings[name].get(size) ?? [];
  sightings[name].set(size, texts);
  texts[cell] ??= `You saw the ${name} at ${place(cell, size)}.`;
  return texts[cell];
}

/** Where the key lies, until it is taken, and where the door is. */
export function facts({ size, key, door, carrying }: KeyDoorState): Facts {
  const there = sighting('door', door, size);
  return carrying ? { door: there } : { key: sighting('key', key, size), door: there };
}

function goal(name: 'key' | 'door', cell: number, { agent, size }: Seen): string[] {
  const directions = towards(agent, cell, size);
  const seen = sighting(name, cell, size);
  return directions.length === 0 ? [seen] : [seen, `The ${name} is ${directions.join(' and ')} of you.`];
}

/**
 * What a perfect player remembers, from what it has seen alone: where the thing is that it needs, and, while it still
 * has to search, where it has been (`x` been there, `.` not yet, `o` now) and which cells next to it are new.
 */
export function memory(state: KeyDoorState): string {
  const seen = seenPart(state);
  const { size, agent, carrying, visited } = seen;
  const lines: string[] = [];
  if (seen.key !== undefined) lines.push(...goal('key', seen.key, seen));
  if (seen.door !== undefined) lines.push(...goal('door', seen.door, seen));
  const searching = seen.door === undefined || (!carrying && seen.key === undefined);
  if (!searching) return lines.join('\n');
  lines.push('Visited cells:');
  for (let row = 0; row < size; row++) {
    let text = '';
    for (let column = 0; column < size; column++) {
      const cell = row * size + column;
      text += cell === agent ? 'o' : isVisited(visited, size, cell) ? 'x' : '.';
    }
    lines.push(text);
  }
  const fresh = DIRECTIONS.filter((direction) => {
    const cell = neighbour(agent, size, direction);
    return cell !== undefined && !isVisited(visited, size, cell);
  });
  lines.push(`New cells next to you: ${fresh.join(', ') || 'none'}.`);
  return lines.join('\n');
}
