// What is played: an environment, its settings, and what a policy sees of its episodes.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { type HistoryStrategy, parseHistoryStrategy } from '@ludic/history';

/** By id it is plain data, as it is stored and sent; the functions of this package take a definition as well. */
export interface EnvironmentSpec<Environment extends string | EnvironmentDefinition = string> {
  /** Id in the registry of environments, or the definition itself. */
  readonly environment: Environment;
  /** Settings of the environment; those left out have their defaults. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What the policy sees of an episode. */
  readonly history: HistoryStrategy;
}

/**
 * The same spec with its definition and a complete config.
 * @throws EnvironmentError `unknown_environment`, `bad_config`; HistoryError
 */
export function resolveSpec(
  spec: EnvironmentSpec<string | EnvironmentDefinition>,
): EnvironmentSpec<EnvironmentDefinition> {
  const { environment: named, config, history } = spec;
  const environment: EnvironmentDefinition = typeof named === 'string' ? findEnvironment(named) : named;
  return { environment, config: resolveConfig(environment, config), history: parseHistoryStrategy(history) };
}
