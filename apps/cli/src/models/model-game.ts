// A model plays the game that it was trained in, unless options say otherwise; a line says what differs.

import type { ModelFiles } from '@ludic/models';
import { openAdapterFolder } from '@ludic/models/node';
import { type CarriedGame, gameDifference, readCarriedGame } from '@ludic/rollouts/internal';
import type { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { loadOwnGame } from '../game-files.ts';
import { chooseSpec, readEnvConfig } from '../options/input.ts';
import type { PlayingOptions } from '../options/playing.ts';
import { isModelName, openFiles } from './open.ts';

type Playing = Pick<
  PlayingOptions,
  'model' | 'adapter' | 'env' | 'envConfig' | 'history' | 'maxCompletionLength' | 'temperature'
>;

/** `judge` samples as the evaluations of the training did, `look` as the training itself. */
export type Purpose = 'judge' | 'look';

/** Fills in the game that the model carries, and opens the model's files. */
export async function withModelGame<Options extends Playing>(
  command: Command,
  options: Options,
  purpose: Purpose,
): Promise<Options & { readonly env: string; readonly files?: ModelFiles }> {
  const files = isModelName(options.model, options.env) ? await openFiles(options.model) : undefined;
  // The game is that of the adapter; its base model may have been trained in another.
  const carrier = files && options.adapter !== undefined ? await openAdapterFolder(options.adapter) : files;
  const carried = carrier && (await readCarriedGame(carrier));
  if (carried) await loadOwnGame(carried.environment);
  const env = options.env ?? carried?.environment;
  if (env === undefined)
    throw new UsageError('--env is needed: the policy carries no game. ludic games lists what there is.');
  const opened = { ...options, env, files };
  if (!carried) return opened;
  const played = carried.environment === env ? completed(command, opened, carried, purpose) : opened;
  const spec = chooseSpec(env, played.envConfig, played.history);
  const difference = gameDifference(carried, { ...spec, environment: env });
  if (difference !== undefined) process.stderr.write(`ludic: ${difference}\n`);
  return played;
}

/** Each named setting replaces the one that the model carries. */
function completed<Options extends Playing & { readonly env: string }>(
  command: Command,
  options: Options,
  carried: CarriedGame,
  purpose: Purpose,
): Options {
  const isNamed = (name: string) => command.getOptionValueSource(name) === 'cli';
  const judged = carried.evalTemperature ?? options.temperature;
  const carriedTemperature = purpose === 'judge' ? judged : carried.temperature;
  const history = isNamed('history') ? options.history : carried.history;
  // Another history may need longer replies, such as a scratchpad.
  const isLengthCarried = !isNamed('maxCompletionLength') && history === carried.history;
  return {
    ...options,
    envConfig: JSON.stringify({ ...carried.config, ...readEnvConfig(options.envConfig) }),
    temperature: isNamed('temperature') ? options.temperature : carriedTemperature,
    history,
    maxCompletionLength: isLengthCarried ? carried.maxCompletionLength : options.maxCompletionLength,
  };
}
