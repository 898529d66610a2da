// Parsers of option values, and options that several commands share.

import type { EnvironmentDefinition } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { EXPORT_DTYPES, type ExportDtype } from '@ludic/models';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { resolveSpec } from '@ludic/rollouts/internal';
import { InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../failure.ts';

/** A parser of whole numbers of at least `least`. */
export const whole = (least: number) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
    throw new InvalidArgumentError(`A whole number of at least ${least} is needed.`);
  return value;
};

export const decimal =
  (least: number, most = Number.POSITIVE_INFINITY) =>
  (text: string) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least || value > most) {
      throw new InvalidArgumentError(
        `A number of at least ${least}${most === Number.POSITIVE_INFINITY ? '' : ` and at most ${most}`} is needed.`,
      );
    }
    return value;
  };

/** Parses names such as `fp32,q4`, the number formats of an exported graph. Each occurs once, in the usual order. */
export function exportDtypes(text: string): readonly ExportDtype[] {
  const names = text.split(',').map((name) => name.trim());
  if (!names.every((name) => (EXPORT_DTYPES as readonly string[]).includes(name)))
    throw new InvalidArgumentError(`Names with commas between are needed, of ${EXPORT_DTYPES.join(', ')}.`);
  return EXPORT_DTYPES.filter((name) => names.includes(name));
}

/** Default of a setting that a trained model carries. */
const OF_TRAINED = 'of a trained model: as in its training';

export const historyOption = () =>
  new Option('--history <strategy>', `What the policy sees of an episode (${OF_TRAINED})`)
    .choices(HISTORY_STRATEGIES)
    .default('NO_HISTORY');

export const envConfigOption = () =>
  new Option('--env-config <json>', 'Settings of the environment as a JSON object').default('{}');

export const playedConfigOption = () =>
  new Option(
    '--env-config <json>',
    `Settings of the environment as a JSON object (${OF_TRAINED}, except those named here)`,
  ).default('{}');

export const replyLengthOption = () =>
  new Option('--max-completion-length <n>', `Longest reply in tokens (${OF_TRAINED}, if --history is the same)`)
    .argParser(whole(1))
    .default(64);

/** A JSON object as `--env-config` gives it. @throws UsageError */
export function readEnvConfig(json: string): Readonly<Record<string, unknown>> {
  let config: unknown;
  try {
    config = JSON.parse(json);
  } catch {
    throw new UsageError(`--env-config is no JSON: ${json}`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new UsageError('--env-config must be a JSON object such as {"size": 5}.');
  return config as Readonly<Record<string, unknown>>;
}

/** The environment that the options name, its config complete and checked. @throws UsageError, EnvironmentError */
export const chooseSpec = (
  env: string,
  envConfig: string,
  history: HistoryStrategy,
): EnvironmentSpec<EnvironmentDefinition> =>
  resolveSpec({ environment: env, config: readEnvConfig(envConfig), history });
