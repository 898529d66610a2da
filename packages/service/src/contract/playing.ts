// What an evaluation or a rollout plays: what the request names, what the model carries of the game that it was trained
// in, and the contract's defaults for the rest.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import type { HistoryStrategy } from '@ludic/history';
import { type CarriedGame, gameDifference } from '@ludic/rollouts/internal';
import type { EvaluatePolicy, GenerateRollout } from './requests.ts';

/** Of the contract, for requests that name none and models that carry none. */
export const PLAYING_DEFAULTS = { history_strategy: 'NO_HISTORY', max_steps: 50, rollout_temperature: 0.7 } as const;

type PlayingRequest = EvaluatePolicy | GenerateRollout;

/** A request in which nothing is open. */
export type CompletePlaying<Request extends PlayingRequest> = Request & {
  readonly max_steps: number;
  readonly history_strategy: HistoryStrategy;
  readonly sampling_params: EvaluatePolicy['sampling_params'];
};

/**
 * Decides everything that a request leaves open: by the game that the model carries, or by the contract's defaults.
 * @param carried of the model, where it carries a game
 */
export function completePlaying<Request extends PlayingRequest>(
  request: Request,
  carried?: CarriedGame,
): CompletePlaying<Request> {
  const { env_type, max_steps, history_strategy, sampling_params } = request;
  const game = fitting(carried, env_type);
  const env_config = {
    ...game?.config,
    ...(max_steps !== undefined && hasSetting(env_type, 'max_steps') && { max_steps }),
    ...request.env_config,
  };
  const complete = {
    env_config,
    max_steps: (env_config.max_steps as number | undefined) ?? max_steps ?? PLAYING_DEFAULTS.max_steps,
    history_strategy: history_strategy ?? game?.history ?? PLAYING_DEFAULTS.history_strategy,
    sampling_params: {
      ...sampling_params,
      temperature: sampling_params.temperature ?? game?.temperature ?? PLAYING_DEFAULTS.rollout_temperature,
    },
  };
  return { ...request, ...complete } as CompletePlaying<Request>;
}

/** How a request differs from the game of its model, as a sentence; undefined where it does not. */
export function playingDifference(
  request: CompletePlaying<PlayingRequest>,
  carried: CarriedGame | undefined,
): string | undefined {
  if (!carried) return undefined;
  const { env_type: environment, history_strategy: history } = request;
  return gameDifference(carried, { environment, config: playedGame(request), history });
}

/** The game's settings of an evaluation or a rollout: `max_steps` unless `env_config` itself says otherwise. */
export function playedGame({
  env_type,
  env_config,
  max_steps = PLAYING_DEFAULTS.max_steps,
}: {
  readonly env_type: string;
  readonly env_config: Readonly<Record<string, unknown>>;
  readonly max_steps?: number | undefined;
}): Record<string, unknown> {
  return { ...(hasSetting(env_type, 'max_steps') && { max_steps }), ...env_config };
}

/** A game whose settings were other ones in an earlier version says nothing. */
function fitting(carried: CarriedGame | undefined, environment: string): CarriedGame | undefined {
  if (carried?.environment !== environment) return undefined;
  try {
    resolveConfig(findEnvironment(environment), carried.config);
    return carried;
  } catch {
    return undefined;
  }
}

/** Whether a game has a setting of that name. */
export function hasSetting(envType: string, setting: string): boolean {
  const { configSchema }: EnvironmentDefinition = findEnvironment(envType);
  return Object.hasOwn(configSchema.properties, setting);
}
