export { type AdamWSettings, DEFAULT_ADAMW } from './adamw.ts';
export { groupAdvantages } from './advantages.ts';
export { samplesOf } from './batch.ts';
export type { WarmStartProgress, WarmStartResult } from './begin-format.ts';
export { assignCredit, CREDITS, type Credit, type CreditSettings } from './credit.ts';
export { GrpoError, type GrpoErrorCode } from './errors.ts';
export { evaluationScore, SAMPLED_METRICS, type SampledRate, sampledBeside } from './evaluation-score.ts';
export type { Objective } from './gradient-graph.ts';
export { Learner, type LearnerOptions, type OptimizerState, type ScoredSamples } from './learner.ts';
export {
  describeMemory,
  estimateMemory,
  gigabytes,
  type MemoryEstimate,
  memoryAdvice,
  type PromptShape,
} from './memory.ts';
export { lossMetrics, ROUNDING } from './metrics.ts';
export { currentEvaluation, type LogLine, readLogLine } from './metrics-log.ts';
export { rehearse } from './rehearsal.ts';
export { measureReplyFormat, needsWarmStart, type ReplyFormat } from './reply-format.ts';
export { type ConductOptions, conductRun, type KeptEpisode, type RunResult } from './run.ts';
export type { RunEvent, RunStart } from './run-events.ts';
export type { RunStorage } from './run-storage.ts';
export type { Sample } from './samples.ts';
export { learningRateAt, SCHEDULES, type Schedule, type ScheduleSettings } from './schedule.ts';
export {
  CHANGEABLE,
  changedSettings,
  firstSettings,
  type RecordedChange,
  type SettingsChange,
} from './settings/changes.ts';
export { camelCase, snakeCase, trainingFields, trainSettings } from './settings/convert.ts';
export { type Choice, type Decision, decideSettings, type Undecided } from './settings/decide.ts';
export {
  ADAMW_FIELDS,
  LORA_FIELDS,
  LOSS_FIELDS,
  RUN_FIELDS,
  type TrainingFields,
  WARM_START_FIELDS,
} from './settings/fields.ts';
export { DEMO_PRESET, PRESETS, type Preset, pagePreset } from './settings/presets.ts';
export { RECIPES, type Recipe } from './settings/recipes.ts';
export { evaluationPlan, groupSizeFor, RULES, type Rule } from './settings/rules.ts';
export {
  MODEL_KINDS,
  type ModelKind,
  type ModelTraits,
  modelTraits,
  NANO_TRAITS,
  traitsOfName,
} from './settings/situation.ts';
export { DEFAULT_LOSS, IMPORTANCE_SAMPLING_LEVELS, LOSS_TYPES, type LossSettings, SCALE_REWARDS } from './settings.ts';
export {
  cutIntoShards,
  type LearnedShard,
  type LearnTask,
  type PlayedShard,
  type PlayTask,
  type Shard,
  type ShardRunner,
} from './shards.ts';
export {
  type BatchSummary,
  batchSummary,
  LOGGED_STEP_METRICS,
  type LoggedStepMetrics,
  type LossMetrics,
  STEP_METRICS,
  type StepMetrics,
} from './step-metrics.ts';
export { checkpointFolder, openRun, type RunConfig, readRunConfig, StoredRun } from './stored-run.ts';
export {
  checkSettings,
  DEFAULT_TRAINING,
  ON_COLLAPSE,
  type OnCollapse,
  type TrainSettings,
} from './train-settings.ts';
export { type StepReport, Trainer } from './trainer.ts';
export { type WarmStartSettings, type WarmStartStep, type WarmStartTask, warmStart } from './warm-start.ts';
export { AUTO_WARM_START, TAUGHT_MISTAKES, type WarmStartChoice, type WarmStartPlan } from './warm-start-plan.ts';
export {
  NOTHING_WATCHED,
  WATCHDOGS,
  type Watched,
  type WatchedMetrics,
  type WatchState,
  watch,
} from './watchdogs/index.ts';
export { tokenWeights } from './weights.ts';
