// The game that a model was trained in is the default of what plays it: what is not named comes from there, and where the
// game that is played differs, a line says so.

import type { HistoryStrategy } from '@ludic/history';
import type { ModelFiles } from '@ludic/models';
import { type CarriedGame, gameDifference, readCarriedGame } from '@ludic/policies';
import type { Command } from 'commander';
import { UsageError } from './failure.ts';
import { chooseGame } from './input.ts';
import { isModelName, openFiles } from './models.ts';

interface Playing {
  readonly model: string;
  readonly env?: string;
  readonly envConfig: string;
  readonly history: HistoryStrategy;
  readonly maxCompletionLength: number;
}

/** With the game complete, and the files of the model where it has any. */
export async function withModelGame<Options extends Playing>(
  command: Command,
  options: Options,
): Promise<Options & { readonly env: string; readonly files?: ModelFiles }> {
  const files = isModelName(options.model, options.env) ? await openFiles(options.model) : undefined;
  const carried = files && (await readCarriedGame(files));
  const env = options.env ?? carried?.environment;
  if (env === undefined)
    throw new UsageError('--env is needed: the policy carries no game. ludic games lists what there is.');
  const opened = { ...options, env, ...(files && { files }) };
  if (!carried) return opened;
  const played = carried.environment === env ? completed(command, opened, carried) : opened;
  const difference = gameDifference(carried, {
    environment: env,
    environmentConfig: chooseGame(env, played.envConfig).raw,
    history: played.history,
  });
  if (difference !== undefined) process.stderr.write(`ludic: ${difference}\n`);
  return played;
}

/** What is named goes before what the model carries, setting by setting. */
function completed<Options extends Playing & { readonly env: string }>(
  command: Command,
  options: Options,
  carried: CarriedGame,
): Options {
  const isNamed = (name: string) => command.getOptionValueSource(name) === 'cli';
  const { raw } = chooseGame(options.env, options.envConfig);
  return {
    ...options,
    envConfig: JSON.stringify({ ...carried.environmentConfig, ...raw }),
    history: isNamed('history') ? options.history : carried.history,
    maxCompletionLength: isNamed('maxCompletionLength') ? options.maxCompletionLength : carried.maxCompletionLength,
  };
}
