// Games in files and packages of the user, as the command line names them: registered before a command begins, and named by
// their ids from then on.

import { environments, findEnvironment } from '@ludic/environments';
import { type GameFile, gameFiles, gamePackage, isGameFile, loadGameFile, ownGameFile } from '@ludic/environments/node';
import type { RunConfig } from '@ludic/grpo/node';
import { type Command, Option } from 'commander';
import { UsageError } from './failure.ts';

/** `--env`, for programs that offer the games of files beside Ludic's own. */
export const offeredGamesOption = (description: string): Option =>
  new Option('--env <file>', `${description}: a file such as ./my-game.ts, or a package; may be repeated`)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([]);

/** `--agent`, for commands that play what one names. */
export const agentOption = (): Option =>
  new Option('--agent <file>', 'File of an agent in place of --env: its default export is what defineAgent returns');

/** Before a command begins: the game that its option names, or several. @throws EnvironmentError `bad_definition`; UsageError */
export async function loadNamedGame(command: Command): Promise<void> {
  const { env, agent } = command.opts<{ env?: unknown; agent?: string }>();
  if (agent !== undefined) {
    if (command.getOptionValueSource('env') === 'cli')
      throw new UsageError('--agent names what is played: leave --env out.');
    command.setOptionValueWithSource('env', await idOfGame(agent), 'cli');
    return;
  }
  if (Array.isArray(env)) for (const named of env) await loadGames(named);
  if (typeof env !== 'string') return;
  const id = await idOfGame(env);
  if (id !== env) command.setOptionValueWithSource('env', id, command.getOptionValueSource('env') ?? 'cli');
}

/**
 * The id of a game that is named by its id, by a file (`./my-game.ts`, `./games.ts#one`) or by a package, which is loaded.
 * @throws EnvironmentError `bad_definition`; UsageError
 */
export async function idOfGame(named: string): Promise<string> {
  const ids = await idsOfGames(named);
  if (ids.length > 1) {
    const message = `${named} has several games: name one, ${named}#${ids[0]}. It has ${ids.join(', ')}.`;
    throw new UsageError(message);
  }
  return ids[0];
}

/** The same where a file or package with several games stands for all of them. */
export async function idsOfGames(named: string): Promise<readonly [string, ...string[]]> {
  const [name, wanted] = named.split('#') as [string, string?];
  const file = await fileOf(name);
  if (!file) return [named];
  if (wanted === undefined) return file.ids;
  if (!file.ids.includes(wanted)) throw new UsageError(`${name} has no game ${wanted}; it has ${file.ids.join(', ')}.`);
  return [wanted];
}

/** All games of a file or package. @throws EnvironmentError `bad_definition`; UsageError where it is neither */
async function loadGames(named: string): Promise<void> {
  if (await fileOf(named)) return;
  throw new UsageError(
    environments.has(named)
      ? `${named} is one of Ludic's own games, which need no --env.`
      : `There is no package ${named} in this folder; a file is named by its path, such as ./${named}.ts.`,
  );
}

/** The file of a name that is no id. */
async function fileOf(name: string): Promise<GameFile | undefined> {
  if (environments.has(name)) return undefined;
  const path = ownGameFile(name) ?? (isGameFile(name) ? name : gamePackage(name, process.cwd()));
  return path === undefined ? undefined : loadGameFile(path, import.meta.url);
}

/** Loads a game of Ludic's that is in a file of its own; any other id changes nothing. @throws EnvironmentError `bad_definition` */
export async function loadOwnGame(id: string): Promise<void> {
  const path = ownGameFile(id);
  if (path !== undefined && !environments.has(id)) await loadGameFile(path, import.meta.url);
}

/** Where a game came from, as a run remembers it; nothing for a game of Ludic's own. */
export function originOfGame(id: string): Pick<RunConfig, 'game'> {
  const file = gameFiles().find(({ ids }) => ids.includes(id));
  if (file?.path === ownGameFile(id)) return {};
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
