// Settings with which nano learns in a page within minutes: small batches, and held near legal play at first.

import { DEFAULT_TRAINING, type TrainSettings } from '@ludic/grpo';
import type { Game } from './engine/protocol.ts';

type Preset = Partial<Omit<TrainSettings, 'environment'>> & { readonly beta: number };

const COMMON = {
  maxCompletionLength: 4,
  finalExploration: 0.2,
  evalEvery: 0,
  evalEpisodes: 200,
  saveEvery: 5,
} as const;

const PRESETS: Readonly<Record<string, Preset>> = {
  tic_tac_toe: {
    ...COMMON,
    // Without a price, replies that the game refuses are better than losing.
    environmentConfig: { invalid_penalty: 0.3 },
    steps: 60,
    batchSize: 256,
    groupSize: 32,
    learningRate: 2e-3,
    beta: 0.2,
  },
  key_door: {
    ...COMMON,
    environmentConfig: { size: 3 },
    steps: 80,
    batchSize: 256,
    groupSize: 16,
    // The likeliest step of a policy that sees so little leads round in circles.
    evalTemperature: 1,
    // Members of a group share what the prompt hides.
    credit: 'group_turn',
    discount: 0.95,
    learningRate: 3e-3,
    beta: 0.1,
  },
};

export const gameOf = ({ environment, environmentConfig: config, history }: TrainSettings): Game => ({
  environment,
  config,
  history,
});

/** Complete settings to begin with in a game. */
export function presetFor(environment: string): TrainSettings {
  const { beta, ...preset } = PRESETS[environment] ?? { ...COMMON, batchSize: 256, groupSize: 32, beta: 0.1 };
  return { ...DEFAULT_TRAINING, ...preset, environment, loss: { ...DEFAULT_TRAINING.loss, beta } };
}
