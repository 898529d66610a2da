// Plugins in files, by the paths that the command line names: loaded before a command begins, so that its options may use
// their names.

import type { RunCallbacks } from '@ludic/grpo';
import { estimatorNames, lossNames } from '@ludic/grpo/internal';
import { loadPlugin, pluginFiles } from '@ludic/grpo/node';
import { historyNames } from '@ludic/history';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { UsageError } from '../failure.ts';

/** The names that an option takes, with those of plugins, by its attribute. */
const NAMES: Readonly<Record<string, () => readonly string[]>> = {
  history: historyNames,
  credit: estimatorNames,
  lossType: lossNames,
};

/** Adds `--plugin` to a command, whose options may then have names that a plugin brings. */
export function addPlugin(command: Command): Command {
  command.option(
    '--plugin <file>',
    'File of your own histories, advantages, losses and callbacks, such as ./mine.ts; may be repeated',
    (file: string, before: readonly string[] = []) => [...before, file],
  );
  // What is no name is found when the files are loaded: options are parsed before.
  for (const option of command.options) if (NAMES[option.attributeName()]) option.argParser((text: string) => text);
  return command;
}

/** Before a command begins: loads the files that it names. @throws GrpoError `bad_plugin`; UsageError for a name that none has */
export async function loadNamedPlugins(command: Command): Promise<void> {
  const { plugin = [] } = command.opts<{ plugin?: readonly string[] }>();
  for (const file of plugin) await loadPlugin(file, import.meta.url);
  for (const option of command.options) {
    try {
      checkName(option, command.getOptionValue(option.attributeName()));
    } catch (error) {
      throw new UsageError(`${option.long}: ${(error as Error).message}`);
    }
  }
}

/** @throws InvalidArgumentError for a value that is none of the names that the option takes */
export function checkName(option: Option, value: unknown): void {
  const names = NAMES[option.attributeName()]?.() ?? [];
  if (value === undefined || names.length === 0 || names.includes(value as string)) return;
  throw new InvalidArgumentError(`${value} is none of ${names.join(', ')}. A plugin that has it is named by --plugin.`);
}

/** The callbacks of all plugins that were loaded. */
export const namedCallbacks = (): RunCallbacks =>
  Object.assign({}, ...pluginFiles().map(({ plugin }) => plugin.callbacks));
