export type { EnvironmentSpec } from './environment-spec.ts';
export { episodeToJson } from './episode-record.ts';
export { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.ts';
export {
  ABLATED_HISTORIES,
  type AblatedEvaluation,
  ablateMemory,
  type MemoryAblation,
} from './memory/ablation.ts';
export { NOTES_METRICS, NOTES_METRICS_OF_KIND, type NotesMetrics } from './memory/notes-metrics.ts';
export { EVALUATION_METRICS, type Measured, type MeasuredByGame, type Metric } from './metrics.ts';
export { type PairedDifference, pairedDifference } from './paired.ts';
export { type PlayOptions, playEpisodes } from './play/play.ts';
export { type Frame, type Replay, type ReplayOptions, replay } from './replay.ts';
export { type EpisodeStart, evaluationStarts, type GroupStartOptions, groupStarts } from './starts.ts';
export type { Interval } from './statistics.ts';
export type { EndReason, Episode, Turn } from './trajectory.ts';
export { type Part, transcript } from './transcript.ts';
