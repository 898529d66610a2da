// The game that a model was trained in is where the forms begin with it, but for what the visitor has said by hand.

import { type EnvironmentDefinition, environments, findEnvironment, resolveConfig } from '@ludic/environments';
import { type CarriedGame, gameDifference } from '@ludic/policies';
import type { Game } from '../../engine/protocol.ts';
import { DEFAULT_SETTING, type Setting } from '../../evaluate/evaluation-spec.ts';

/** What was said of a game by hand. */
export interface Named {
  readonly environment: boolean;
  /** Settings of the game that stands in the form. */
  readonly config: Game['config'];
  readonly history: boolean;
  /** Temperature and length of replies. */
  readonly sampling: boolean;
}

export const NOTHING_NAMED: Named = { environment: false, config: {}, history: false, sampling: false };

/** Everything, as where an address says it. */
export const allNamed = ({ environment, config }: Pick<Game, 'environment' | 'config'>): Named => ({
  environment: true,
  config: complete(environment, config),
  history: true,
  sampling: true,
});

/** Also what was changed in a form just now. Another game begins with its own settings. */
export function nameChanges(named: Named, before: Game, after: Game): Named {
  const history = named.history || before.history !== after.history;
  if (before.environment !== after.environment) return { ...named, environment: true, config: {}, history };
  const changed = Object.entries(after.config).filter(([name, value]) => before.config[name] !== value);
  return { ...named, config: { ...named.config, ...Object.fromEntries(changed) }, history };
}

/** The game that stands in a form when a model is chosen there. */
export function gameFor(carried: CarriedGame, game: Game, named: Named): Game {
  const history = named.history ? game.history : carried.history;
  if (carried.environment !== game.environment)
    return named.environment
      ? game
      : { environment: carried.environment, config: carried.environmentConfig, history: carried.history };
  return { environment: game.environment, config: { ...carried.environmentConfig, ...named.config }, history };
}

/** What a model that is looked at brings of its sampling: none to another game, no length to another history. */
export function samplingFor(
  { environment, history, temperature, maxCompletionLength }: CarriedGame,
  game: Game,
): Partial<Pick<CarriedGame, 'temperature' | 'maxCompletionLength'>> {
  if (game.environment !== environment) return {};
  return { temperature, ...(game.history === history && { maxCompletionLength }) };
}

/**
 * What is evaluated when a model is chosen as a contestant, at the temperature of its training's own evaluations. What it
 * carries says nothing of another game, where that was chosen.
 */
export function settingFor(carried: CarriedGame, model: string, setting: Setting, named: Named): Setting {
  const isChosen = ({ kind, name }: Setting['contestants'][number]) => kind === 'model' && name === model;
  const { environment, config } = gameFor(carried, { ...setting, history: carried.history }, named);
  if (environment !== carried.environment) return setting;
  const others = setting.contestants.filter((one) => one.kind === 'model' && !isChosen(one));
  return {
    ...setting,
    environment,
    config,
    ...(!named.sampling && {
      temperature: carried.evalTemperature ?? setting.temperature,
      // None of the others is cut off by it.
      maxCompletionLength:
        others.length > 0
          ? Math.max(setting.maxCompletionLength, carried.maxCompletionLength)
          : carried.maxCompletionLength,
    }),
    contestants: fittingContestants(
      setting.contestants.map((one) => (isChosen(one) ? { ...one, history: carried.history } : one)),
      environment,
    ),
  };
}

/** What is evaluated when its game is changed by hand. Another game drops what a model brought of its sampling. */
export function settingIn({ environment, config }: Game, setting: Setting, named: Named): Setting {
  const { temperature, maxCompletionLength } = DEFAULT_SETTING;
  return {
    ...setting,
    environment,
    config,
    ...(environment !== setting.environment && !named.sampling && { temperature, maxCompletionLength }),
    contestants: fittingContestants(setting.contestants, environment),
  };
}

/** Not every player plays every game. */
export const fittingContestants = (
  contestants: Setting['contestants'],
  environment: string,
): Setting['contestants'] => {
  const { experts }: EnvironmentDefinition = findEnvironment(environment);
  return contestants.map((one) =>
    one.kind === 'model' || Object.hasOwn(experts, one.name) ? one : { ...one, name: 'expert' },
  );
};

/** How the game in a form differs from the one that the model was trained in, as a sentence. */
export function differenceFrom(carried: CarriedGame, { environment, config, history }: Game): string | undefined {
  try {
    return gameDifference(carried, { environment, environmentConfig: config, history });
  } catch {
    // What the game refuses is told where it is played.
    return undefined;
  }
}

/** Undefined for a game that this page does not have, or not with these settings. */
export function knownHere(carried: CarriedGame | undefined): CarriedGame | undefined {
  if (!carried || !environments.has(carried.environment)) return undefined;
  try {
    complete(carried.environment, carried.environmentConfig);
    return carried;
  } catch {
    return undefined;
  }
}

const complete = (environment: string, config: Game['config']) =>
  resolveConfig(findEnvironment(environment), config) as Game['config'];
