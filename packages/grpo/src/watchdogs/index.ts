export { RULES as WATCHDOGS, type Watched } from './rules.ts';
export { NOTHING_WATCHED, type WatchedMetrics, type WatchState } from './state.ts';
export { afterCollapse, type Watch, watch } from './watch.ts';
export { watchedOf } from './watched.ts';
