// Games of the user who serves this page: code that their server publishes, for the page and for its worker.

import { PACKAGES_OF_GAMES, PACKAGES_SYMBOL, registerEnvironment } from '@ludic/environments';

/** @param url of a module whose default export is a list of games @throws what the module throws; EnvironmentError */
export async function loadOwnGames(url: string): Promise<void> {
  Object.assign(globalThis, { [Symbol.for(PACKAGES_SYMBOL)]: PACKAGES_OF_GAMES });
  const { default: games } = await import(/* @vite-ignore */ url);
  for (const game of games) registerEnvironment(game);
}
