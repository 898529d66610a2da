// KeyDoor: find a key, then a door, in a grid of which the agent sees one cell at a time. The game that asks for memory.

import type { ConfigOf } from '../config.ts';
import { defineEnvironment, type Move } from '../define-environment.ts';
import { expert, omniscient, randomWalker, tour } from './experts.ts';
import { ACTIONS, type KeyDoorAction, type KeyDoorState, neighbour, visit } from './state.ts';
import { facts, memory, NOTES, observation, SYSTEM_PROMPT } from './texts.ts';

const settings = {
  size: { type: 'integer', default: 4, minimum: 2, maximum: 20, description: 'Rows and columns of the grid.' },
  max_steps: { type: 'integer', default: 50, minimum: 1, maximum: 10_000, description: 'Replies before the cut-off.' },
  key_reward: { type: 'number', default: 0.1, description: 'Reward for taking the key.' },
  door_reward: { type: 'number', default: 1, description: 'Reward for opening the door.' },
  new_cell_reward: {
    type: 'number',
    default: 0,
    description: 'Reward for each cell that is new to the agent, for training.',
  },
  head_start: {
    type: 'number',
    default: 0,
    minimum: 0,
    maximum: 1,
    description: 'Share of games that begin with key and door known, for training.',
  },
  timeout_reward: { type: 'number', default: -0.5, description: 'Reward added when the steps run out.' },
  invalid_penalty: { type: 'number', default: 0, minimum: 0, description: 'Cost of a reply without a known action.' },
} as const;

/** The settings of KeyDoor. */
export type KeyDoorConfig = ConfigOf<typeof settings>;

/** The action that `text` names, in whatever case. */
function readAction(text: string): KeyDoorAction | undefined {
  for (const action of ACTIONS) if (action === text) return action;
  const lower = text.toLowerCase();
  return ACTIONS.find((action) => action === lower);
}

function interact(state: KeyDoorState, config: KeyDoorConfig): Move<KeyDoorState> {
  const { agent, key, door, carrying } = state;
  if (agent === key && !carrying) {
    return { state: { ...state, carrying: true }, reward: config.key_reward, note: NOTES.take };
  }
  if (agent !== door) return { state, note: NOTES.nothing };
  if (!carrying) return { state, note: NOTES.locked };
  return { state, reward: config.door_reward, note: NOTES.open, terminated: true };
}

/** Find the key, then the door, in a grid of which one cell is seen at a time: the game that asks for memory. */
export const keyDoor = defineEnvironment({
  id: 'key_door',
  title: 'KeyDoor',
  description: 'Find the key and then the locked door in a grid, seeing one cell at a time.',
  settings,
  replyTag: 'action',
  unreadable: NOTES.unreadable,
  systemPrompt: () => SYSTEM_PROMPT,
  readAction,
  start: ({ size, head_start }, random): KeyDoorState => {
    // Three different cells: each draw skips the cells that are taken.
    const agent = random.nextInt(size * size);
    let key = random.nextInt(size * size - 1);
    if (key >= agent) key++;
    let door = random.nextInt(size * size - 2);
    if (door >= Math.min(agent, key)) door++;
    if (door >= Math.max(agent, key)) door++;
    const visited = visit(new Array<number>(size).fill(0), size, agent);
    if (head_start === 0 || random.nextFloat() >= head_start)
      return { size, agent, key, door, carrying: false, visited };
    return { size, agent, key, door, carrying: true, visited: visit(visited, size, door) };
  },
  play: (state: KeyDoorState, action: KeyDoorAction, config): Move<KeyDoorState> => {
    if (action === 'interact') return interact(state, config);
    const { size, key, door, carrying } = state;
    const agent = neighbour(state.agent, size, action);
    if (agent === undefined) return { state, note: NOTES.wall };
    const visited = visit(state.visited, size, agent);
    const isNew = visited !== state.visited;
    return { state: { size, agent, key, door, carrying, visited }, ...(isNew && { reward: config.new_cell_reward }) };
  },
  // The game that ends with the open door has nothing more to show than that.
  observe: (state: KeyDoorState, _config, over) =>
    over && state.carrying && state.agent === state.door ? '' : observation(state),
  memory: (state: KeyDoorState) => memory(state),
  facts: (state: KeyDoorState) => facts(state),
  situation: ({ agent, key, door, carrying }: KeyDoorState) => `${agent} ${carrying ? 'carrying' : key} ${door}`,
  limit: (config) => ({ steps: config.max_steps, reward: config.timeout_reward }),
  invalidPenalty: (config) => config.invalid_penalty,
  experts: {
    random: () => randomWalker,
    expert: () => expert,
    omniscient: () => omniscient,
    tour: (config) => tour(config.size),
  },
});
