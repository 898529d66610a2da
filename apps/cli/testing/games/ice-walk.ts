// For tests: a grid that is drawn. The policy walks over ice to a flag, and falls where the ice is thin. Its board is in a file
// beside it.

import { defineEnvironment } from 'ludic';
import { boardOf, type Ice } from './ice-board.ts';

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  up: [-1, 0],
  down: [1, 0],
  left: [0, -1],
  right: [0, 1],
};
const DIRECTIONS = Object.keys(STEPS);

export default defineEnvironment({
  id: 'ice_walk',
  title: 'Ice walk',
  description: 'Walk to the flag in the far corner without stepping on thin ice.',
  replyTag: 'go',
  settings: { size: { type: 'integer', default: 3, minimum: 2, maximum: 8, description: 'rows and columns' } },
  unreadable: 'That is no direction.',
  systemPrompt: ({ size }) => `Walk over ${size}x${size} fields of ice to the flag: <go>up</go>, down, left or right.`,
  readAction: (text) => STEPS[text],
  start({ size }, random): Ice {
    // On the way along the left and the lower edge the ice is thick.
    const thin = Array.from({ length: size - 1 }, (_, row) => [row, 1 + random.nextInt(size - 1)] as const);
    return { size, row: 0, column: 0, thin };
  },
  play(state, [down, right]) {
    const [row, column] = [state.row + down, state.column + right];
    const { size, thin } = state;
    if (row < 0 || column < 0 || row >= size || column >= size)
      return { state, invalid: true, note: 'There is no ice.' };
    const next = { ...state, row, column };
    if (thin.some(([one, other]) => one === row && other === column))
      return { state: next, reward: -1, terminated: true, note: 'The ice breaks.' };
    const isThere = row === size - 1 && column === size - 1;
    return isThere ? { state: next, reward: 1, terminated: true, note: 'The flag.' } : { state: next };
  },
  observe: ({ row, column }) => `You stand in row ${row + 1}, column ${column + 1}.`,
  board: boardOf,
  limit: ({ size }) => ({ steps: 4 * size, reward: 0 }),
  experts: {
    random: () => ({ act: (_, random) => `<go>${DIRECTIONS[random.nextInt(DIRECTIONS.length)]}</go>` }),
    expert: () => ({ act: ({ state: { row, size } }) => `<go>${row < size - 1 ? 'down' : 'right'}</go>` }),
  },
});
