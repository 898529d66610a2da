// The settings of Tic-Tac-Toe: names, defaults and ranges, from which the config's type follows.

import type { ConfigOf } from '../config.ts';
import { OPPONENTS } from './opponent.ts';

export const settings = {
  opponent: { type: 'string', enum: OPPONENTS, default: 'random', description: 'Who plays the other side.' },
  epsilon: {
    type: 'number',
    default: 0.5,
    minimum: 0,
    maximum: 1,
    description: 'How often the epsilon opponent moves at random instead of perfectly.',
  },
  invalid_penalty: { type: 'number', default: 0, minimum: 0, description: 'Cost of an invalid or taken cell.' },
  max_steps: { type: 'integer', default: 10, minimum: 1, maximum: 10_000, description: 'Replies before the cut-off.' },
  win_reward: { type: 'number', default: 1, description: 'Reward for a win.' },
  draw_reward: { type: 'number', default: 0, description: 'Reward for a draw.' },
  loss_reward: { type: 'number', default: -1, description: 'Reward for a loss.' },
} as const;

/** The settings of Tic-Tac-Toe. */
export type TicTacToeConfig = ConfigOf<typeof settings>;
