// Entry `@ludic/rollouts/internal`: what other packages of this repository need and nothing else is promised.

export { type CarriedGame, carriedGameText, gameDifference, readCarriedGame } from './carried-game.ts';
export { resolveSpec } from './environment-spec.ts';
export {
  asEpisode,
  briefRecord,
  type EpisodeRecord,
  RecordError,
  type RecordedEpisode,
  type RecordedTurn,
  readEpisodes,
  readRecord,
  replayRecord,
} from './episode-record.ts';
export { summarize } from './evaluate.ts';
export { isNotesMetric, noteKinds } from './memory/notes-metrics.ts';
export {
  GAME_METRICS,
  type GameMetrics,
  gameMetricName,
  gameMetricRows,
  gameMetrics,
  isGameMetric,
} from './metrics.ts';
export { assertRoom, playPrepared } from './play/play.ts';
export { type PreparedEpisodes, prepareEpisodes } from './play/running-episode.ts';
export { wilsonInterval } from './statistics.ts';
export { isSuccess } from './trajectory.ts';
