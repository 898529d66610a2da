// Made from recipes/*.json by `npm run recipes`: settings that are known to train well, by name.

import type { TrainingFields } from './fields.ts';

export interface Recipe {
  readonly title: string;
  readonly environment: string;
  readonly environmentConfig: Readonly<Record<string, unknown>>;
  readonly fields: TrainingFields;
}

export const RECIPES = {
  'key-door-no-history': {
    title: 'KeyDoor 4×4, seeing the present cell alone',
    environment: 'key_door',
    environmentConfig: {},
    fields: {
      history: 'NO_HISTORY',
      steps: 700,
      batch_size: 4096,
      group_size: 16,
      credit: 'group_turn',
      discount: 0.95,
      learning_rate: 0.003,
      beta: 0.1,
      final_exploration: 0.15,
      max_completion_length: 4,
      eval_every: 25,
      eval_episodes: 300,
      eval_temperature: 0,
      save_every: 100,
    },
  },
  'key-door-optimal-scratchpad': {
    title: 'KeyDoor 4×4 with perfect notes, from the model of key-door-soft',
    environment: 'key_door',
    environmentConfig: {},
    fields: {
      history: 'OPTIMAL_SCRATCHPAD',
      steps: 120,
      batch_size: 512,
      group_size: 16,
      credit: 'group_turn',
      discount: 0.9,
      learning_rate: 0.002,
      max_completion_length: 4,
      eval_every: 20,
      eval_episodes: 200,
      eval_temperature: 0,
      save_every: 100,
      beta: 0.02,
      final_exploration: 0.1,
    },
  },
  'key-door-scratchpad': {
    title: 'KeyDoor 4×4 with notes of its own, from the model of key-door-no-history',
    environment: 'key_door',
    environmentConfig: {},
    fields: {
      history: 'SCRATCHPAD',
      steps: 60,
      batch_size: 256,
      group_size: 16,
      credit: 'group_turn',
      discount: 0.95,
      learning_rate: 0.0005,
      temperature: 1.5,
      max_completion_length: 48,
      eval_every: 25,
      eval_episodes: 200,
      eval_temperature: 0,
      save_every: 100,
    },
  },
  'key-door-soft': {
    title: 'KeyDoor 4×4, seeing the present cell alone: the first half of key-door-no-history, still undecided',
    environment: 'key_door',
    environmentConfig: {},
    fields: {
      history: 'NO_HISTORY',
      steps: 350,
      batch_size: 4096,
      group_size: 16,
      credit: 'group_turn',
      discount: 0.95,
      learning_rate: 0.003,
      final_rate: 0.55,
      beta: 0.1,
      final_exploration: 0.575,
      max_completion_length: 4,
      eval_every: 100,
      eval_episodes: 100,
      eval_temperature: 0,
      save_every: 100,
    },
  },
  'tic-tac-toe-minimax': {
    title: 'TicTacToe against the perfect opponent',
    environment: 'tic_tac_toe',
    environmentConfig: { opponent: 'minimax', invalid_penalty: 0.3 },
    fields: {
      steps: 240,
      batch_size: 8192,
      learning_rate: 0.002,
      beta: 0.4,
      final_exploration: 0.02,
      max_completion_length: 4,
      eval_every: 20,
      eval_episodes: 1000,
      eval_temperature: 0,
    },
  },
  'tic-tac-toe-random': {
    title: 'TicTacToe against the random opponent',
    environment: 'tic_tac_toe',
    environmentConfig: { invalid_penalty: 0.3 },
    fields: {
      steps: 300,
      batch_size: 8192,
      learning_rate: 0.002,
      beta: 0.2,
      final_exploration: 0.2,
      max_completion_length: 4,
      eval_every: 25,
      eval_episodes: 2000,
      eval_temperature: 0,
    },
  },
} as const satisfies Readonly<Record<string, Recipe>>;
