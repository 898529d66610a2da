// What may change in the middle of a run. A checkpoint keeps its meaning under another one of these: they decide how the
// next updates are made, and nothing about what the weights and moments are.

import { GrpoError } from '../errors.ts';
import { trainingFields, withFields } from './convert.ts';
import type { TrainingFields } from './fields.ts';
import type { TrainSettings } from './train-settings.ts';

/** The names of the settings that a run may be resumed with other values of. */
export const CHANGEABLE = [
  'learning_rate',
  'final_rate',
  'temperature',
  'max_completion_length',
  'token_budget',
  'gradient_checkpointing',
  'save_every',
  'beta',
  'entropy_coefficient',
  'epsilon',
  'epsilon_high',
  'max_grad_norm',
  'weight_decay',
] as const satisfies readonly (keyof TrainingFields)[];

type ChangeableName = (typeof CHANGEABLE)[number];
/**
 * Settings to resume a run with, by their names as fields (`learning_rate`, `beta`); those left out stay as they are.
 * Values are checked where they are used: `StoredRun.changed`.
 */
export type SettingsChange = Pick<TrainingFields, ChangeableName>;

const isChangeable = (name: string): name is ChangeableName => (CHANGEABLE as readonly string[]).includes(name);

/** A change of a run's settings, kept with the run. */
export interface RecordedChange {
  /** Of the checkpoint that the run went on from. */
  readonly step: number;
  readonly from: SettingsChange;
  readonly to: SettingsChange;
}

/** @throws GrpoError `bad_setting` for a setting that a run keeps */
export function changedSettings(settings: TrainSettings, change: SettingsChange): TrainSettings {
  const kept = Object.keys(change).find((name) => !isChangeable(name));
  if (kept !== undefined)
    throw new GrpoError('bad_setting', `A run keeps its ${kept}. What may change is ${CHANGEABLE.join(', ')}.`);
  return withFields(settings, change);
}

/** What of a change is none yet; undefined where all of it holds already. */
export function recordOf(settings: TrainSettings, change: SettingsChange, step: number): RecordedChange | undefined {
  const present = trainingFields(settings);
  const names = (Object.keys(change) as ChangeableName[]).filter((name) => present[name] !== change[name]);
  if (names.length === 0) return undefined;
  const pick = (fields: SettingsChange): SettingsChange =>
    Object.fromEntries(names.map((name) => [name, fields[name]]));
  return { step, from: pick(present), to: pick(change) };
}

/** The settings that a run began with. */
export const firstSettings = (settings: TrainSettings, changes: readonly RecordedChange[] = []): TrainSettings =>
  changes.reduceRight((later, { from }) => changedSettings(later, from), settings);
