// Sokoban: push every box onto a target. Boxes cannot be pulled, so a wrong push may be the end. Levels are drawn until a search
// solves them; the expert walks a shortest solution.

import type { RandomStream } from '@ludic/random';
import type { Board, BoardCell, Expert } from '../contract.ts';
import { defineEnvironment, type Move } from '../define-environment.ts';

const ACTIONS = ['up', 'down', 'left', 'right'] as const;
type SokobanAction = (typeof ACTIONS)[number];

/** Cells are numbered row by row from 0; beyond the edge there are walls. */
export interface SokobanState {
  readonly size: number;
  readonly walls: readonly number[];
  readonly targets: readonly number[];
  /** In order. */
  readonly boxes: readonly number[];
  readonly agent: number;
}

/** The cell next to one, undefined where there is a wall. */
function beside({ size, walls }: SokobanState, cell: number, action: SokobanAction): number | undefined {
  const row = Math.floor(cell / size) + (action === 'up' ? -1 : action === 'down' ? 1 : 0);
  const column = (cell % size) + (action === 'left' ? -1 : action === 'right' ? 1 : 0);
  const isOutside = Math.min(row, column) < 0 || Math.max(row, column) >= size;
  return isOutside || walls.includes(row * size + column) ? undefined : row * size + column;
}

/** The state after a move; undefined where a wall or a second box is in the way. */
export function moved(state: SokobanState, action: SokobanAction): SokobanState | undefined {
  const agent = beside(state, state.agent, action);
  if (agent === undefined) return undefined;
  const { boxes } = state;
  if (!boxes.includes(agent)) return { ...state, agent };
  const pushed = beside(state, agent, action);
  if (pushed === undefined || boxes.includes(pushed)) return undefined;
  return { ...state, agent, boxes: boxes.map((box) => (box === agent ? pushed : box)).sort((a, b) => a - b) };
}

const placed = ({ boxes, targets }: SokobanState) => boxes.filter((box) => targets.includes(box)).length;
const isSolved = (state: SokobanState) => placed(state) === state.boxes.length;
const keyOf = ({ agent, boxes }: SokobanState) => `${agent} ${boxes}`;

/** A shortest solution; undefined where there is none. Breadth first over all that the agent can reach. */
export function solve(start: SokobanState): readonly SokobanAction[] | undefined {
  const queue: { readonly state: SokobanState; readonly actions: readonly SokobanAction[] }[] = [
    { state: start, actions: [] },
  ];
  const known = new Set([keyOf(start)]);
  for (const { state: from, actions } of queue) {
    if (isSolved(from)) return actions;
    for (const action of ACTIONS) {
      const state = moved(from, action);
      if (!state || known.has(keyOf(state))) continue;
      known.add(keyOf(state));
      queue.push({ state, actions: [...actions, action] });
    }
  }
  return undefined;
}

/** Different cells for everything, drawn again until there is a solution of at least one push. */
function drawLevel(size: number, boxes: number, walls: number, random: RandomStream): SokobanState {
  for (;;) {
    const cells = Array.from({ length: size * size }, (_, i) => i);
    const take = (count: number) =>
      Array.from({ length: count }, () => cells.splice(random.nextInt(cells.length), 1)[0]!).sort((a, b) => a - b);
    const [agent] = take(1) as [number];
    const level = { size, agent, walls: take(walls), boxes: take(boxes), targets: take(boxes) };
    if (solve(level)) return level;
  }
}

const boardOf = ({ size, walls, targets, boxes, agent }: SokobanState): Board => {
  const cell = (i: number): BoardCell => {
    const isTarget = targets.includes(i);
    if (i === agent) return { text: isTarget ? '+' : 'A', kind: 'player' };
    if (boxes.includes(i)) return { text: isTarget ? '*' : 'B', kind: isTarget ? 'goal' : 'other' };
    if (walls.includes(i)) return { text: '#', kind: 'wall' };
    return isTarget ? { text: 'T', kind: 'goal' } : { text: '.' };
  };
  return Array.from({ length: size }, (_, row) => Array.from({ length: size }, (_, i) => cell(size * row + i)));
};
const textOf = (board: Board) => board.map((row) => row.map(({ text }) => text).join('')).join('\n');

const reply = (action: SokobanAction) => `<action>${action}</action>`;
const random: Expert<SokobanState> = { act: (_, stream) => reply(ACTIONS[stream.nextInt(4)]!) };
/** Where a box is stuck for good nothing helps, and it walks on. */
const expert: Expert<SokobanState> = { act: ({ state }) => reply(solve(state)?.[0] ?? 'up') };

export default defineEnvironment({
  id: 'sokoban',
  title: 'Sokoban',
  description: 'Push every box onto a target; boxes cannot be pulled.',
  settings: {
    size: { type: 'integer', default: 4, minimum: 3, maximum: 6, description: 'Rows and columns of the room.' },
    boxes: { type: 'integer', default: 1, minimum: 1, maximum: 2, description: 'Boxes, and targets for them.' },
    walls: { type: 'integer', default: 1, minimum: 0, maximum: 3, description: 'Walls within the room.' },
    max_steps: { type: 'integer', default: 20, minimum: 1, maximum: 1000, description: 'Replies before the cut-off.' },
    box_reward: { type: 'number', default: 0, description: 'Reward for each box on a target, lost when it leaves it.' },
    invalid_penalty: { type: 'number', default: 0, minimum: 0, description: 'Cost of a reply without a known action.' },
  },
  replyTag: 'action',
  unreadable: 'Unknown action. Use up, down, left or right.',
  systemPrompt: () =>
    'You are A in a room with walls #. Push every box B onto a target T; a box on a target is *, you on one are +.\nReply with one action, up, down, left or right: <action>up</action>',
  readAction: (text) => ACTIONS.find((action) => action === text.toLowerCase()),
  start: ({ size, boxes, walls }, stream) => drawLevel(size, boxes, walls, stream),
  play: (state: SokobanState, action: SokobanAction, { box_reward }): Move<SokobanState> => {
    const next = moved(state, action);
    if (!next) return { state, note: 'Nothing moves.', metrics: { blocked: 1 } };
    const metrics = { pushes: Number(next.boxes !== state.boxes) };
    const reward = box_reward * (placed(next) - placed(state));
    if (!isSolved(next)) return { state: next, reward, metrics };
    return { state: next, reward: reward + 1, note: 'Every box is on a target.', terminated: true, metrics };
  },
  observe: (state: SokobanState) => textOf(boardOf(state)),
  board: boardOf,
  metrics: ['pushes', 'blocked'],
  success: isSolved,
  situation: (state: SokobanState) => `${keyOf(state)} ${state.walls} ${state.targets}`,
  limit: ({ max_steps }) => ({ steps: max_steps, reward: 0 }),
  invalidPenalty: ({ invalid_penalty }) => invalid_penalty,
  experts: { random: () => random, expert: () => expert },
});
