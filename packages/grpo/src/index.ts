export {
  ADVANTAGE_ESTIMATORS,
  type AdvantageEstimator,
  type AdvantageSettings,
  estimateAdvantages,
} from './advantages/estimators.ts';
export { groupAdvantages } from './advantages/group-advantages.ts';
export { samplesOf } from './batching/batch.ts';
export type { Sample } from './batching/samples.ts';
export { GrpoError, type GrpoErrorCode } from './errors.ts';
export type { Objective } from './loss/gradient-graph.ts';
export { lossMetrics, ROUNDING } from './loss/loss-metrics.ts';
export { LOSS_TYPES, type LossType } from './loss/loss-types.ts';
export { tokenWeights } from './loss/token-weights.ts';
export { type AdamWSettings, DEFAULT_ADAMW } from './optimizer/adamw.ts';
export { evaluationScore, SAMPLED_METRICS, type SampledRate, sampledBeside } from './run/evaluation-score.ts';
export {
  describeMemory,
  estimateMemory,
  gigabytes,
  type MemoryEstimate,
  memoryAdvice,
  type PromptShape,
} from './run/memory.ts';
export { currentEvaluation, type LogLine, readLogLine } from './run/metrics-log.ts';
export { probePrompts } from './run/probe-prompts.ts';
export { trainRun } from './run/run.ts';
export type { RunEvent, RunStart } from './run/run-events.ts';
export type { KeptEpisode, RunResult, TrainRunOptions } from './run/run-options.ts';
export type { RunStorage } from './run/run-storage.ts';
export { checkpointFolder, openRun, type RunConfig, readRunConfig, StoredRun } from './run/stored-run.ts';
export {
  CHANGEABLE,
  changedSettings,
  firstSettings,
  type RecordedChange,
  type SettingsChange,
} from './settings/changes.ts';
export {
  camelCase,
  settingsFromJson,
  settingsToJson,
  snakeCase,
  trainingFields,
  trainSettings,
} from './settings/convert.ts';
export { type Choice, type Decision, decideSettings, type Undecided } from './settings/decide.ts';
export {
  ADAMW_FIELDS,
  LORA_FIELDS,
  LOSS_FIELDS,
  RUN_FIELDS,
  type TrainingFields,
  WARM_START_FIELDS,
} from './settings/fields.ts';
export {
  DEFAULT_LOSS,
  IMPORTANCE_SAMPLING_LEVELS,
  type LossSettings,
  SCALE_REWARDS,
} from './settings/loss-settings.ts';
export { DEMO_PRESET, PRESETS, type Preset, pagePreset } from './settings/presets.ts';
export { RECIPES, type Recipe } from './settings/recipes.ts';
export { evaluationPlan, groupSizeFor, RULES, type Rule } from './settings/rules.ts';
export { learningRateAt, SCHEDULES, type Schedule, type ScheduleSettings } from './settings/schedule.ts';
export {
  MODEL_KINDS,
  type ModelKind,
  type ModelTraits,
  modelTraits,
  NANO_TRAITS,
  traitsOfName,
} from './settings/situation.ts';
export {
  checkSettings,
  DEFAULT_TRAINING,
  ON_COLLAPSE,
  type OnCollapse,
  type TrainSettings,
} from './settings/train-settings.ts';
export { Learner, type LearnerOptions, type OptimizerState, type ScoredSamples } from './trainer/learner.ts';
export {
  type BatchSummary,
  batchSummary,
  LOGGED_STEP_METRICS,
  type LoggedStepMetrics,
  type LossMetrics,
  STEP_METRICS,
  type StepMetrics,
} from './trainer/step-metrics.ts';
export { type StepReport, Trainer } from './trainer/trainer.ts';
export type { WarmStartProgress, WarmStartResult } from './warm-start/begin-format.ts';
export { AUTO_WARM_START, TAUGHT_MISTAKES, type WarmStartChoice, type WarmStartPlan } from './warm-start/plan.ts';
export { measureReplyFormat, needsWarmStart, type ReplyFormat } from './warm-start/reply-format.ts';
export { type WarmStartSettings, type WarmStartStep, type WarmStartTask, warmStart } from './warm-start/warm-start.ts';
export {
  NOTHING_WATCHED,
  WATCHDOGS,
  type Watched,
  type WatchedMetrics,
  type WatchState,
  watch,
} from './watchdogs/index.ts';
export {
  cutIntoShards,
  type LearnedShard,
  type LearnTask,
  type PlayedShard,
  type PlayTask,
  type Shard,
  type ShardRunner,
} from './workers/shards.ts';
