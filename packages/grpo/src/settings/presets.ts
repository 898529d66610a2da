// Where a program of Ludic names settings itself, and why. All else is decided as for a user who names nothing.

import type { TrainingFields } from './fields.ts';

export interface Preset {
  /** Where it holds. */
  readonly where: string;
  readonly environmentConfig: Readonly<Record<string, unknown>>;
  readonly fields: TrainingFields;
  readonly reason: string;
}

/** `npm start`, at Tic-Tac-Toe. */
export const DEMO_PRESET: Preset = {
  where: '`npm start`, at tic_tac_toe',
  environmentConfig: {},
  fields: { steps: 150, batch_size: 4096, group_size: 64, eval_every: 50 },
  reason:
    'large batches reach more than 90 % of wins at temperature 1 in about four minutes on two cores; measured with these',
};

const PAGE_PRESET: Preset = {
  where: 'the page, at any game',
  environmentConfig: {},
  fields: { steps: 60, batch_size: 256 },
  reason: 'a browser computes at a third of the speed, and a phone slower: steps are seen to end, in minutes',
};

const PAGE_PRESETS: Readonly<Record<string, Preset>> = {
  key_door: {
    where: 'the page, at key_door',
    environmentConfig: { size: 3 },
    fields: {
      ...PAGE_PRESET.fields,
      steps: 80,
      group_size: 16,
      credit: 'group_turn',
      discount: 0.95,
      beta: 0.1,
      eval_temperature: 1,
    },
    reason:
      'a grid of 3×3 is learned in the time that a browser has; 256 games are too few for td, with which 32 % of the games were won after these steps and not 62; the likeliest step of a policy that sees one cell leads round in circles until it has learned far longer',
  },
};

/** What the page names in a game. */
export const pagePreset = (environment: string): Preset =>
  Object.hasOwn(PAGE_PRESETS, environment) ? PAGE_PRESETS[environment]! : PAGE_PRESET;

export const PRESETS: readonly Preset[] = [DEMO_PRESET, PAGE_PRESET, ...Object.values(PAGE_PRESETS)];
