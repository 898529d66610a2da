// The game that a model was trained in is where the forms begin with it, but for what the visitor has said by hand.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { type CarriedGame, gameDifference } from '@ludic/rollouts/internal';
import type { PolicyChoice } from '../../engine/protocol.ts';
import { DEFAULT_EVALUATION, type EvaluationSpec } from '../../evaluate/evaluation-spec.ts';

/** What was said of a game by hand. */
export interface UserChoices {
  readonly environment: boolean;
  /** Game settings that stands in the form. */
  readonly config: EnvironmentSpec['config'];
  readonly history: boolean;
  /** Temperature and length of replies. */
  readonly sampling: boolean;
}

/** A form that was not touched. */
export const NO_CHOICES: UserChoices = { environment: false, config: {}, history: false, sampling: false };

/** Everything, as where an address says it. */
export const allChosen = ({ environment, config }: Pick<EnvironmentSpec, 'environment' | 'config'>): UserChoices => ({
  environment: true,
  config: complete(environment, config),
  history: true,
  sampling: true,
});

/** Also what was changed in a form just now. Another game begins with its own settings. */
export function noteChoices(choices: UserChoices, before: EnvironmentSpec, after: EnvironmentSpec): UserChoices {
  const history = choices.history || before.history !== after.history;
  if (before.environment !== after.environment) return { ...choices, environment: true, config: {}, history };
  const changed = Object.entries(after.config).filter(([name, value]) => before.config[name] !== value);
  return { ...choices, config: { ...choices.config, ...Object.fromEntries(changed) }, history };
}

/** The game that stands in a form when a model is chosen there. */
export function gameFor(carried: CarriedGame, game: EnvironmentSpec, choices: UserChoices): EnvironmentSpec {
  const history = choices.history ? game.history : carried.history;
  if (carried.environment !== game.environment)
    return choices.environment
      ? game
      : { environment: carried.environment, config: carried.config, history: carried.history };
  return { environment: game.environment, config: { ...carried.config, ...choices.config }, history };
}

/** What a model that is looked at brings of its sampling: none to another game, no length to another history. */
export function samplingFor(
  { environment, history, temperature, maxCompletionLength }: CarriedGame,
  game: EnvironmentSpec,
): Partial<Pick<CarriedGame, 'temperature' | 'maxCompletionLength'>> {
  if (game.environment !== environment) return {};
  return { temperature, ...(game.history === history && { maxCompletionLength }) };
}

/**
 * What is evaluated when a model is chosen as an entry, at the temperature of its training's own evaluations. What it
 * carries says nothing of another game, where that was chosen.
 */
export function evaluationFor(
  carried: CarriedGame,
  model: string,
  spec: EvaluationSpec,
  choices: UserChoices,
): EvaluationSpec {
  const isChosen = ({ kind, name }: EvaluationSpec['policies'][number]) => kind === 'model' && name === model;
  const { environment, config } = gameFor(carried, { ...spec, history: carried.history }, choices);
  if (environment !== carried.environment) return spec;
  const others = spec.policies.filter((one) => one.kind === 'model' && !isChosen(one));
  return {
    ...spec,
    environment,
    config,
    ...(!choices.sampling && {
      temperature: carried.evalTemperature ?? spec.temperature,
      // None of the others is cut off by it.
      maxCompletionLength:
        others.length > 0
          ? Math.max(spec.maxCompletionLength, carried.maxCompletionLength)
          : carried.maxCompletionLength,
    }),
    policies: spec.policies.map((one) =>
      isChosen(one) ? { ...one, history: carried.history } : fittingPolicy(one, environment),
    ),
  };
}

/** What is evaluated when its game is changed by hand. Another game drops what a model brought of its sampling. */
export function evaluationIn(
  { environment, config }: EnvironmentSpec,
  spec: EvaluationSpec,
  choices: UserChoices,
): EvaluationSpec {
  const { temperature, maxCompletionLength } = DEFAULT_EVALUATION;
  return {
    ...spec,
    environment,
    config,
    ...(environment !== spec.environment && !choices.sampling && { temperature, maxCompletionLength }),
    policies: spec.policies.map((one) => fittingPolicy(one, environment)),
  };
}

/** The policy, or the game's expert in place of a scripted player that the game does not have. */
export const fittingPolicy = <Policy extends Pick<PolicyChoice, 'kind' | 'name'>>(
  policy: Policy,
  environment: string,
) =>
  policy.kind === 'model' || Object.hasOwn(findEnvironment(environment).experts, policy.name)
    ? policy
    : { ...policy, name: 'expert' };

/** How the game in a form differs from the one that the model was trained in, as a sentence. */
export function differenceFrom(
  carried: CarriedGame,
  { environment, config, history }: EnvironmentSpec,
): string | undefined {
  try {
    return gameDifference(carried, { environment, config, history });
  } catch {
    // What the game refuses is told where it is played.
    return undefined;
  }
}

/** Undefined for a game that this page does not have, or not with these settings. */
export function knownHere(carried: CarriedGame | undefined): CarriedGame | undefined {
  if (!carried || !environments.has(carried.environment)) return undefined;
  try {
    complete(carried.environment, carried.config);
    return carried;
  } catch {
    return undefined;
  }
}

const complete = (environment: string, config: EnvironmentSpec['config']) =>
  resolveConfig(findEnvironment(environment), config) as EnvironmentSpec['config'];
