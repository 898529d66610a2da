// What a run plays: its environment and history, a policy over its model, and what the model carries of them afterwards.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { LanguageModel } from '@ludic/inference';
import { LanguageModelPolicy } from '@ludic/policies';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { type CarriedGame, resolveSpec } from '@ludic/rollouts/internal';
import type { TrainSettings } from '../settings/train-settings.ts';
import { saidOptions } from './open-trained.ts';

/** @throws EnvironmentError for the environment and its config */
export const specOf = (settings: TrainSettings): EnvironmentSpec<EnvironmentDefinition> =>
  resolveSpec({ ...settings, config: settings.environmentConfig });

/** Draws from the whole distribution: its log-probabilities are those that are trained. */
export function policyOf(
  model: LanguageModel,
  { maxCompletionLength, precision }: TrainSettings,
  { environment }: EnvironmentSpec<EnvironmentDefinition>,
  temperature: number,
): LanguageModelPolicy {
  return new LanguageModelPolicy({ ...model, precision }, { temperature, maxCompletionLength, game: environment });
}

/** What a model that is trained so carries with it. */
export function carriedGameOf(settings: TrainSettings): CarriedGame {
  const { environment, config, history } = specOf(settings);
  const { temperature, evalTemperature, maxCompletionLength } = settings;
  const templateOptions = saidOptions(settings);
  const stop = [`</${environment.replyTag}>`];
  return {
    environment: environment.id,
    config,
    history,
    temperature,
    evalTemperature,
    maxCompletionLength,
    stop,
    ...(templateOptions && { templateOptions }),
  };
}
