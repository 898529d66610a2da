// The settings that the form of a training shows: what was set by hand, then the page's preset for the game, then the
// defaults that are decided for game and model.

import { decideSettings, type ModelTraits, type TrainingFields, type TrainSettings } from '@ludic/grpo';
import { pagePreset, trainingFields } from '@ludic/grpo/internal';
import type { EnvironmentSpec } from '@ludic/rollouts';

/** What the visitor has said of a training. */
export interface TrainingChoices {
  readonly environment: string;
  readonly config: EnvironmentSpec['config'];
  readonly fields: TrainingFields;
}

/** The game that settings of a training name. */
export const gameOf = ({ environment, environmentConfig: config, history }: TrainSettings): EnvironmentSpec => ({
  environment,
  config,
  history,
});

/** Complete settings. @throws EnvironmentError for what the game refuses */
export function settingsFor({ environment, config, fields }: TrainingChoices, model: ModelTraits): TrainSettings {
  const preset = pagePreset(environment);
  const environmentConfig = { ...preset.environmentConfig, ...config };
  return decideSettings({ environment, environmentConfig, given: { ...preset.fields, ...fields }, model }).settings;
}

/** What differs between settings, as fields; undefined for those that are gone. */
export function changedFields(before: TrainSettings, after: TrainSettings): TrainingFields {
  const [was, is]: Readonly<Record<string, unknown>>[] = [trainingFields(before), trainingFields(after)];
  const names = Object.keys({ ...was, ...is }).filter((name) => name !== 'environment');
  return Object.fromEntries(
    names.filter((name) => JSON.stringify(was![name]) !== JSON.stringify(is![name])).map((name) => [name, is![name]]),
  );
}
