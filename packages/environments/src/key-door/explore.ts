// Where to search next: on to the nearest cell that the agent has not been in, first into corners that would be
// expensive to come back for. On 3x3 and 4x4 grids this is as good as any player without sight can be: the test next
// to this file computes the optimum.

import { DIRECTIONS, type Direction, distance, isVisited, neighbour, type Seen, towards } from './state.ts';

/** How many cells next to `cell` are still unvisited. */
function freshAround(cell: number, { size, visited }: Seen): number {
  let count = 0;
  for (const direction of DIRECTIONS) {
    const next = neighbour(cell, size, direction);
    if (next !== undefined && !isVisited(visited, size, next)) count++;
  }
  return count;
}

/** The next step of the search. */
export function explore(seen: Seen): Direction {
  const { size, agent, visited } = seen;
  let best = agent;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let cell = 0; cell < size * size; cell++) {
    if (isVisited(visited, size, cell)) continue;
    // The fraction only decides between cells at one distance.
    const cost = distance(agent, cell, size) + freshAround(cell, seen) / 8;
    if (cost < bestCost) {
      best = cell;
      bestCost = cost;
    }
  }
  return towards(agent, best, size)[0] ?? 'up';
}
