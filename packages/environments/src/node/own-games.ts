// Games of Ludic's that are in files of their own: loaded where they are named, so that the page and programs that do not play
// them are no larger for them.

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILES: ReadonlyMap<string, string> = new Map([
  ['frozen_lake', 'frozen-lake'],
  ['sokoban', 'sokoban'],
  ['wordle', 'wordle'],
]);

/** Ids of the games that are loaded by their names. */
export const ownGames = (): readonly string[] => [...FILES.keys()];

/** The file of such a game, for `loadGameFile`; undefined for another id. */
export function ownGameFile(id: string): string | undefined {
  const name = FILES.get(id);
  if (name === undefined) return undefined;
  // Beside this file, as source or compiled.
  return fileURLToPath(new URL(`../games/${name}${extname(import.meta.url)}`, import.meta.url));
}
