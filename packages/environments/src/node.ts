// What needs Node: a watchdog over games that never come back.

export { type GameWatchdog, type WatchdogOptions, watchThread } from './node/game-watchdog.ts';
