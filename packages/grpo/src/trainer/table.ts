// The table that a run plays at: its game, its history, and a policy over its model.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import type { LanguageModel } from '@ludic/inference';
import { type CarriedGame, LanguageModelPolicy } from '@ludic/policies';
import type { Table } from '@ludic/rollouts';
import type { TrainSettings } from '../settings/train-settings.ts';

/** @throws EnvironmentError for the environment and its config */
export function tableOf({ environment, environmentConfig, history }: TrainSettings): Omit<Table, 'policy'> {
  const definition: EnvironmentDefinition = findEnvironment(environment);
  return { definition, config: resolveConfig(definition, environmentConfig), history };
}

/** Draws from the whole distribution: its log-probabilities are those that are trained. */
export function policyOf(
  model: LanguageModel,
  { maxCompletionLength, precision }: TrainSettings,
  { definition }: Omit<Table, 'policy'>,
  temperature: number,
): LanguageModelPolicy {
  return new LanguageModelPolicy(
    { ...model, precision },
    {
      temperature,
      topK: 0,
      topP: 1,
      maxCompletionLength,
      stop: [`</${definition.replyTag}>`],
    },
  );
}

/** What a model that is trained so carries with it. */
export function carriedGameOf(settings: TrainSettings): CarriedGame {
  const { definition, config } = tableOf(settings);
  return {
    environment: definition.id,
    environmentConfig: config as Readonly<Record<string, unknown>>,
    history: settings.history,
    temperature: settings.temperature,
    evalTemperature: settings.evalTemperature,
    maxCompletionLength: settings.maxCompletionLength,
    stop: [`</${definition.replyTag}>`],
  };
}
