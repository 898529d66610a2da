// The library under one name, for Node: what a program needs that plays, evaluates and trains. Each name is listed, so
// this file says what is public; the packages behind it have more for programs that build on their parts.

// Games
export {
  type Board,
  type ConfigSchema,
  defineEnvironment,
  type Environment,
  type EnvironmentDefinition,
  EnvironmentError,
  type Expert,
  environmentIds,
  environments,
  findEnvironment,
  keyDoor,
  type Move,
  type Rules,
  registerEnvironment,
  resolveConfig,
  type Step,
  ticTacToe,
} from '@ludic/environments';
// Training
export {
  checkSettings,
  DEFAULT_TRAINING,
  type Decision,
  decideSettings,
  GrpoError,
  LOGGED_STEP_METRICS,
  type LoggedStepMetrics,
  type ModelTraits,
  modelTraits,
  NANO_TRAITS,
  type RunEvent,
  type RunResult,
  type RunStart,
  type StepMetrics,
  Trainer,
  type TrainSettings,
} from '@ludic/grpo';
export { processMemory, RunFolder, type RunOptions, type WorkerOptions } from '@ludic/grpo/node';
export { HISTORY_STRATEGIES, type HistoryStrategy, type Message } from '@ludic/history';
export {
  type LanguageModel,
  openLanguageModel,
  PolicyError,
  type SamplingParams,
  Scorer,
} from '@ludic/inference';
// Models
export { ModelError, type ModelFiles } from '@ludic/models';
export { openAdapterFolder, openModelFolder } from '@ludic/models/node';
// Policies
export { type GamePrompt, LanguageModelPolicy, type Policy, type Reply, scriptedPolicy } from '@ludic/policies';
export { type EndpointSettings, openaiPolicy } from '@ludic/policies/openai';
export { deriveSeed, type RandomStream, stream } from '@ludic/random';
// Playing
export {
  ablateMemory,
  type Episode,
  EVALUATION_METRICS,
  type EvaluateOptions,
  type Evaluation,
  episodeToJson,
  evaluate,
  evaluationStarts,
  groupStarts,
  type MemoryAblation,
  type PlayOptions,
  pairedDifference,
  playEpisodes,
  type Turn,
  transcript,
} from '@ludic/rollouts';
export { type Device, type Runtime, RuntimeError } from '@ludic/runtime';
export { createRuntime, type NodeRuntimeOptions } from '@ludic/runtime/node';
// The service
export { ClientError, LudicClient } from '@ludic/service/client';
export { openModel } from './node/open-model.ts';
export { runTraining } from './node/run-training.ts';
