// What needs Node: games in files, items of tasks in files, and a watchdog over games that never come back.

export { type GameFile, gameFiles, gamePackage, isGameFile, loadGameFile } from './node/game-files.ts';
export { type GameWatchdog, type WatchdogOptions, watchThread } from './node/game-watchdog.ts';
export { ownGameFile, ownGames } from './node/own-games.ts';
export { readJsonl } from './node/read-jsonl.ts';
