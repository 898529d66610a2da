export { type CarriedGame, carriedGameText, gameDifference, readCarriedGame } from './carried-game.ts';
export { type EnvironmentSpec, resolveSpec } from './environment-spec.ts';
export {
  asEpisode,
  briefRecord,
  type EpisodeRecord,
  episodeToJson,
  RecordError,
  type RecordedEpisode,
  type RecordedTurn,
  readEpisodes,
  readRecord,
  replayRecord,
} from './episode-record.ts';
export { type EvaluateOptions, type Evaluation, evaluate, summarize } from './evaluate.ts';
export {
  EVALUATION_METRICS,
  GAME_METRICS,
  type GameMetrics,
  gameMetrics,
  type Measured,
  type Metric,
} from './metrics.ts';
export { type PairedDifference, pairedDifference } from './paired.ts';
export { assertRoom, type PlayOptions, playEpisodes } from './play.ts';
export { type Frame, type Replay, type ReplayOptions, replay } from './replay.ts';
export { type EpisodeStart, evaluationStarts, type GroupStartOptions, groupStarts } from './starts.ts';
export { type Interval, wilsonInterval } from './statistics.ts';
export { type EndReason, type Episode, SUCCESS_REWARD, type Turn } from './trajectory.ts';
export { type Part, transcript } from './transcript.ts';
