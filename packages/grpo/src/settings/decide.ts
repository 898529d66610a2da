// The one place that decides the settings of a run that its user does not name: from the game, the history, the model and
// the batch. What is named is kept. docs/settings.md is made from the rules below.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { trainSettings, withFields } from './convert.ts';
import type { TrainingFields } from './fields.ts';
import type { ModelTraits } from './model-traits.ts';
import { invalidPenalty, RULES } from './rules.ts';
import type { TrainSettings } from './train-settings.ts';

/** A run of which some settings are named. The rest follows from the game, the history and the model. */
export interface Undecided {
  /** Id in the registry of environments. */
  readonly environment: string;
  /** As far as it is named. */
  readonly environmentConfig?: Readonly<Record<string, unknown>>;
  /** Settings that are named; they are kept. */
  readonly given?: TrainingFields;
  readonly model: ModelTraits;
}

/** A setting that was not named. */
export interface Choice {
  /** As users name it, or `env_config.NAME` for one of the game's. */
  readonly field: string;
  readonly value: unknown;
  /** A phrase. */
  readonly reason: string;
}

/** The settings of a run, with a reason for each that was chosen for this game and model. */
export interface Decision {
  /** Complete. */
  readonly settings: TrainSettings;
  /** What was chosen for this run. All else that was not named has the library's fixed default. */
  readonly choices: readonly Choice[];
}

/**
 * Pure: the same situation has the same settings.
 * @throws EnvironmentError for the environment and its config
 */
export function decideSettings({ environment, environmentConfig = {}, given = {}, model }: Undecided): Decision {
  const definition: EnvironmentDefinition = findEnvironment(environment);
  resolveConfig(definition, environmentConfig);
  const choices: Choice[] = [];
  const penalty = invalidPenalty(environment);
  const config = { ...environmentConfig };
  if (Object.hasOwn(definition.configSchema.properties, 'invalid_penalty') && config.invalid_penalty === undefined) {
    config.invalid_penalty = penalty;
    const reason = 'without a price, a reply that the game refuses can pay more than a move that loses';
    choices.push({ field: 'env_config.invalid_penalty', value: penalty, reason });
  }
  // Complete from the first rule on: a rule may look at what was decided before it.
  let settings = trainSettings({ environment, environmentConfig: config }, given);
  for (const { field, choose } of RULES) {
    if (given[field] !== undefined) continue;
    const chosen = choose({ model, given, settings });
    if (!chosen) continue;
    settings = withFields(settings, { [field]: chosen.value });
    choices.push({ field, ...chosen });
  }
  return { settings, choices };
}
