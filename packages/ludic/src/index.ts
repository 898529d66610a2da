// The library under one name, for Node: what a program needs that plays, evaluates and trains. Each name is listed, so
// this file says what is public; the packages behind it have more for programs that build on their parts.

// Agents
export type { Agent, AgentContext, AgentResult, AgentSettings } from '@ludic/agents';
export { defineAgent } from '@ludic/agents/node';
// Games
export {
  type Board,
  type ConfigSchema,
  defineEnvironment,
  defineTask,
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
export { readJsonl } from '@ludic/environments/node';
// Training
export {
  type AdvantageFunction,
  checkSettings,
  DEFAULT_TRAINING,
  type Decision,
  decideSettings,
  GrpoError,
  LOGGED_STEP_METRICS,
  type LoggedStepMetrics,
  type LossRow,
  type LossTokens,
  type ModelTraits,
  modelTraits,
  NANO_TRAITS,
  type Plugin,
  type RunCallback,
  type RunCallbacks,
  type RunEvent,
  type RunResult,
  type RunStart,
  registerPlugin,
  type StepMetrics,
  type StepVerdict,
  type TakenStep,
  type TokenLoss,
  Trainer,
  type TrainSettings,
} from '@ludic/grpo';
export { processMemory, RunFolder, type RunOptions, type WorkerOptions } from '@ludic/grpo/node';
export {
  type EpisodeSoFar,
  HISTORY_STRATEGIES,
  type HistoryFunction,
  type HistoryStrategy,
  type Message,
} from '@ludic/history';
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
// OpenEnv
export { type OpenEnvSettings, openEnv } from '@ludic/openenv';
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
export { loadPlugin } from './node/load-plugin.ts';
export { openModel } from './node/open-model.ts';
export { runTraining } from './node/run-training.ts';
export { type TrainAgentOptions, trainAgent } from './node/train-agent.ts';
