// Games in files of the user, by the path that the command line names: registered before a command begins, and named by
// their ids from then on.

import { findEnvironment } from '@ludic/environments';
import { gameFiles, isGameFile, loadGameFile } from '@ludic/environments/node';
import type { RunConfig } from '@ludic/grpo/node';
import type { Command } from 'commander';
import { UsageError } from './failure.ts';

/** Before a command begins: the game that its option names. @throws EnvironmentError `bad_definition`; UsageError */
export async function loadNamedGame(command: Command): Promise<void> {
  const { env } = command.opts<{ env?: unknown }>();
  if (typeof env !== 'string') return;
  const id = await idOfGame(env);
  if (id !== env) command.setOptionValueWithSource('env', id, command.getOptionValueSource('env') ?? 'cli');
}

/**
 * The id of a game that is named by its id, or by a file (`./my-game.ts`, `./games.ts#one`), which is loaded.
 * @throws EnvironmentError `bad_definition`; UsageError
 */
export async function idOfGame(named: string): Promise<string> {
  const [path, wanted] = named.split('#') as [string, string?];
  if (!isGameFile(path)) return named;
  const { ids } = await loadGameFile(path, import.meta.url);
  if (wanted === undefined && ids.length > 1)
    throw new UsageError(`${path} has several games: name one, ${path}#${ids[0]}. It has ${ids.join(', ')}.`);
  const id = wanted ?? ids[0];
  if (!ids.includes(id)) throw new UsageError(`${path} has no game ${id}; it has ${ids.join(', ')}.`);
  return id;
}

/** Where a game came from, as a run remembers it; nothing for a game of Ludic's. */
export function originOfGame(id: string): Pick<RunConfig, 'game'> {
  const file = gameFiles().find(({ ids }) => ids.includes(id));
  return file ? { game: { file: file.path, sha256: file.sha256 } } : {};
}

/**
 * A run is never a reason to load a file: its game must have been named.
 * @returns what is different now, as a sentence
 * @throws UsageError where the game of the run is not there
 */
export function checkGameOf({ game, settings }: RunConfig): string | undefined {
  const id = settings.environment;
  if (!game) {
    findEnvironment(id);
    return undefined;
  }
  const now = gameFiles().find(({ ids }) => ids.includes(id));
  if (!now) throw new UsageError(`The game ${id} of the run is in ${game.file}: name that file, --env ${game.file}.`);
  if (now.sha256 === game.sha256) return undefined;
  return `The file of the game ${id} is not what it was when the run began.`;
}
