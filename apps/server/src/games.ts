// Games of the server's user, from the files that were named at its start: what a job remembers of one, and how the processes
// of jobs and models load it.

import { EnvironmentError } from '@ludic/environments';
import { type GameFile, gameFiles, loadGameFile } from '@ludic/environments/node';
import type { RunConfig } from '@ludic/grpo/node';

/** The file of a game, as it was when a job was accepted or its run began. */
export type GameOrigin = NonNullable<RunConfig['game']>;

/** As fields of what remembers it; none for a game of Ludic's. */
export function gameOrigin(id: string, games = gameFiles()): { readonly game?: GameOrigin } {
  const file = fileOf(id, games);
  return file ? { game: { file: file.path, sha256: file.sha256 } } : {};
}

/** What is different now, as a sentence; undefined where nothing is, or the game is not of a file. */
export function gameChange(
  id: string,
  was: GameOrigin | undefined,
  now: GameOrigin | undefined = gameOrigin(id).game,
): string | undefined {
  if (!was || !now || was.sha256 === now.sha256) return undefined;
  return `The file of the game ${id} has changed since: what comes now is of the new text.`;
}

/**
 * Has a game ready in a process of the server's, which knows Ludic's own games alone.
 * @param games the files of the server
 * @returns a sentence where the file is not what the server has loaded
 * @throws EnvironmentError `bad_definition`
 */
export async function loadGame(id: string, games: readonly GameFile[]): Promise<string | undefined> {
  const file = fileOf(id, games);
  if (!file) return undefined;
  const now = await loadGameFile(file.path, file.program).catch((cause: Error) => {
    throw new EnvironmentError('bad_definition', `The game ${id} cannot be loaded: ${cause.message}`, { cause });
  });
  return gameChange(id, gameOrigin(id, games).game, { file: now.path, sha256: now.sha256 });
}

const fileOf = (id: string, games: readonly GameFile[]) => games.find(({ ids }) => ids.includes(id));
