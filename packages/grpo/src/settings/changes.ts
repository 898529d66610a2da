// What may change in the middle of a run. A checkpoint keeps its meaning under another one of these: they decide how the
// next updates are made, and nothing about what the weights and moments are.

import { GrpoError } from '../errors.ts';
import { camelCase } from './convert.ts';
import type { TrainSettings } from './train-settings.ts';

const PARTS = {
  learning_rate: 'run',
  final_rate: 'run',
  temperature: 'run',
  max_completion_length: 'run',
  token_budget: 'run',
  gradient_checkpointing: 'run',
  save_every: 'run',
  beta: 'loss',
  entropy_coefficient: 'loss',
  epsilon: 'loss',
  epsilon_high: 'loss',
  max_grad_norm: 'adamw',
  weight_decay: 'adamw',
} as const;

export type ChangeableName = keyof typeof PARTS;
/**
 * Settings to resume a run with, by their names as fields (`learning_rate`, `beta`); those left out stay as they are.
 * Values are checked where they are used: `StoredRun.changed`.
 */
export type SettingsChange = { readonly [Name in ChangeableName]?: unknown };

/** The names of the settings that a run may be resumed with other values of. */
export const CHANGEABLE = Object.keys(PARTS) as readonly ChangeableName[];

/** A change of a run's settings, kept with the run. */
export interface RecordedChange {
  /** Of the checkpoint that the run went on from. */
  readonly step: number;
  readonly from: SettingsChange;
  readonly to: SettingsChange;
}

function currentValue(settings: TrainSettings, name: ChangeableName): unknown {
  const holder: object = PARTS[name] === 'run' ? settings : settings[PARTS[name] as 'loss' | 'adamw'];
  return (holder as Record<string, unknown>)[camelCase(name)];
}

/** @throws GrpoError `bad_setting` for a setting that a run keeps */
export function changedSettings(settings: TrainSettings, change: SettingsChange): TrainSettings {
  const run: Record<string, unknown> = { ...settings };
  const parts = { run, loss: { ...settings.loss }, adamw: { ...settings.adamw } } as Record<string, object>;
  for (const [name, value] of Object.entries(change)) {
    if (!Object.hasOwn(PARTS, name)) {
      throw new GrpoError('bad_setting', `A run keeps its ${name}. What may change is ${CHANGEABLE.join(', ')}.`);
    }
    (parts[PARTS[name as ChangeableName]] as Record<string, unknown>)[camelCase(name)] = value;
  }
  return { ...run, loss: parts.loss, adamw: parts.adamw } as unknown as TrainSettings;
}

/** What of a change is none yet; undefined where all of it holds already. */
export function recordOf(settings: TrainSettings, change: SettingsChange, step: number): RecordedChange | undefined {
  const names = (Object.keys(change) as ChangeableName[]).filter(
    (name) => currentValue(settings, name) !== change[name],
  );
  if (names.length === 0) return undefined;
  const pick = (value: (name: ChangeableName) => unknown): SettingsChange =>
    Object.fromEntries(names.map((name) => [name, value(name)]));
  return { step, from: pick((name) => currentValue(settings, name)), to: pick((name) => change[name]) };
}

/** The settings that a run began with. */
export const firstSettings = (settings: TrainSettings, changes: readonly RecordedChange[] = []): TrainSettings =>
  changes.reduceRight((later, { from }) => changedSettings(later, from), settings);
