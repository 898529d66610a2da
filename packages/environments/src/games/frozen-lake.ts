// FrozenLake: cross a frozen lake without falling into a hole. The ice may be slippery, as in Gymnasium's game of that name. Its
// expert is exact: it plays by the probability of reaching the goal within the steps that are left.

import type { RandomStream } from '@ludic/random';
import type { ConfigOf } from '../config.ts';
import type { Board, BoardCell, Expert } from '../contract.ts';
import { defineEnvironment, type Move } from '../define-environment.ts';

const ACTIONS = ['left', 'down', 'right', 'up'] as const;
type LakeAction = (typeof ACTIONS)[number];

/** The goal is the last cell; cells are numbered row by row from 0. */
export interface FrozenLakeState {
  readonly size: number;
  readonly holes: readonly number[];
  readonly agent: number;
  /** Steps that are left, as long as every reply could be read. */
  readonly left: number;
}

const settings = {
  size: { type: 'integer', default: 4, minimum: 2, maximum: 8, description: 'Rows and columns of the lake.' },
  holes: { type: 'number', default: 0.2, minimum: 0, maximum: 0.4, description: 'Share of cells that are holes.' },
  slippery: { type: 'boolean', default: false, description: 'A move goes to each side with a probability of 1/3.' },
  max_steps: { type: 'integer', default: 20, minimum: 1, maximum: 1000, description: 'Replies before the cut-off.' },
  invalid_penalty: { type: 'number', default: 0, minimum: 0, description: 'Cost of a reply without an action.' },
} as const;

/** The cell next to one; the same at the edge. */
export function moved(cell: number, size: number, action: LakeAction): number {
  const row = Math.floor(cell / size) + (action === 'up' ? -1 : action === 'down' ? 1 : 0);
  const column = (cell % size) + (action === 'left' ? -1 : action === 'right' ? 1 : 0);
  return Math.min(row, column) < 0 || Math.max(row, column) >= size ? cell : row * size + column;
}

/** Where an action may lead, each with the same probability. */
export function outcomes(agent: number, size: number, action: LakeAction, slippery: boolean): readonly number[] {
  const at = ACTIONS.indexOf(action);
  const taken = slippery ? [ACTIONS[(at + 3) % 4]!, action, ACTIONS[(at + 1) % 4]!] : [action];
  return taken.map((one) => moved(agent, size, one));
}

/** Some cells other than the first and the last, drawn again until the goal can be reached. */
function drawHoles(size: number, share: number, random: RandomStream): readonly number[] {
  const cells = size * size;
  for (;;) {
    const holes = Array.from({ length: cells }, (_, i) => i).filter(
      (cell) => random.nextFloat() < share && cell > 0 && cell < cells - 1,
    );
    const reached = new Set([0]);
    for (const cell of reached)
      for (const next of ACTIONS.map((action) => moved(cell, size, action)))
        if (!holes.includes(next)) reached.add(next);
    if (reached.has(cells - 1)) return holes;
  }
}

/**
 * The best action, and the probability that it leads to the goal within `state.left` steps: value iteration, exact. Of equally
 * good actions it is the one that is sooner there.
 */
export function solve({ size, holes, agent, left }: FrozenLakeState, slippery: boolean) {
  const goal = size * size - 1;
  const chance = (values: readonly number[], cell: number, action: LakeAction) => {
    const ends = outcomes(cell, size, action, slippery);
    return ends.reduce((sum, end) => sum + values[end]!, 0) / ends.length;
  };
  let values = Array.from({ length: size * size }, (_, cell) => Number(cell === goal));
  const sooner: Record<LakeAction, number> = { left: 0, down: 0, right: 0, up: 0 };
  for (let step = 1; step < left; step++) {
    for (const action of ACTIONS) sooner[action] += chance(values, agent, action);
    const best = (cell: number) => Math.max(...ACTIONS.map((action) => chance(values, cell, action)));
    values = values.map((value, cell) => (cell === goal || holes.includes(cell) ? value : best(cell)));
  }
  const value = Math.max(...ACTIONS.map((action) => chance(values, agent, action)));
  const good = ACTIONS.filter((action) => chance(values, agent, action) > value - 1e-12);
  return { action: good.reduce((a, b) => (sooner[b] > sooner[a] ? b : a)), value };
}

const boardOf = ({ size, holes, agent }: FrozenLakeState): Board => {
  const cell = (i: number): BoardCell => {
    if (i === agent) return { text: 'A', kind: holes.includes(i) ? 'danger' : 'player' };
    if (i === size * size - 1) return { text: 'G', kind: 'goal' };
    return holes.includes(i) ? { text: 'O', kind: 'danger' } : { text: '.' };
  };
  return Array.from({ length: size }, (_, row) => Array.from({ length: size }, (_, i) => cell(size * row + i)));
};
const textOf = (board: Board) => board.map((row) => row.map(({ text }) => text).join('')).join('\n');

const reply = (action: LakeAction) => `<action>${action}</action>`;
const random: Expert<FrozenLakeState> = { act: (_, stream) => reply(ACTIONS[stream.nextInt(4)]!) };
const expert = ({ slippery }: ConfigOf<typeof settings>): Expert<FrozenLakeState> => ({
  act: ({ state }) => reply(solve(state, slippery).action),
});

export default defineEnvironment({
  id: 'frozen_lake',
  title: 'FrozenLake',
  description: 'Cross a frozen lake with holes, on ice that may be slippery.',
  settings,
  replyTag: 'action',
  unreadable: 'Unknown action. Use left, down, right or up.',
  systemPrompt: ({ slippery }) =>
    `You are A on a frozen lake. Reach G and keep off the holes, O.${slippery ? ' The ice is slippery: a move may go sideways.' : ''}\nReply with one action, left, down, right or up: <action>right</action>`,
  readAction: (text) => ACTIONS.find((action) => action === text.toLowerCase()),
  start: ({ size, holes: share, max_steps: left }, stream) => {
    return { size, holes: drawHoles(size, share, stream), agent: 0, left };
  },
  play: (state: FrozenLakeState, action: LakeAction, { slippery }, stream): Move<FrozenLakeState> => {
    const ends = outcomes(state.agent, state.size, action, slippery);
    const agent = ends[stream.nextInt(ends.length)]!;
    const isHole = state.holes.includes(agent);
    const isGoal = agent === state.size ** 2 - 1;
    return {
      state: { ...state, agent, left: state.left - 1 },
      metrics: { holes: Number(isHole), slips: Number(agent !== moved(state.agent, state.size, action)) },
      ...(isHole && { note: 'You fell into a hole.', terminated: true }),
      ...(isGoal && { reward: 1, note: 'You reached the goal.', terminated: true }),
    };
  },
  observe: (state: FrozenLakeState) => textOf(boardOf(state)),
  board: boardOf,
  metrics: ['holes', 'slips'],
  situation: ({ agent, holes, left }: FrozenLakeState) => `${agent} ${holes} ${left}`,
  limit: ({ max_steps }) => ({ steps: max_steps, reward: 0 }),
  invalidPenalty: ({ invalid_penalty }) => invalid_penalty,
  experts: { random: () => random, expert },
});
