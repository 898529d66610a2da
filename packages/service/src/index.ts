export {
  type EnvironmentList,
  type Health,
  type JobStarted,
  type Model,
  type PolicyEvaluation,
  policyEvaluation,
  type Rollout,
  type TrainingStarted,
} from './answers.ts';
export {
  badChatRequest,
  type ChatRequest,
  chatRequest,
  HARMLESS_FIELDS,
  MOST_CHOICES,
  REFUSED_FIELDS,
} from './chat.ts';
export { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts';
export {
  badRequest,
  ERROR_STATUS,
  type ErrorAnswer,
  type ErrorCode,
  type ErrorDetail,
  errorAnswer,
  ServiceError,
} from './errors.ts';
export { rolloutSummary, trajectoryOf } from './from-library.ts';
export { isEnd, JOB_EVENTS, JOB_STATES, type Job, type JobEvent, type JobMetrics, type JobState } from './jobs.ts';
export type { EvaluationNumbers, EvaluationResults, StepNumbers } from './metric-schemas.ts';
export { modelName } from './model-name.ts';
export { type OpenAiErrorAnswer, openaiError, openaiErrorAnswer, openaiStatus } from './openai-errors.ts';
export { openApiDocument } from './openapi.ts';
export { type Complete, completePlaying, playedGame, playingDifference } from './playing.ts';
export {
  type EvaluatePolicy,
  evaluatePolicy,
  type GenerateRollout,
  generateRollout,
  type StartTraining,
  startTraining,
} from './requests.ts';
export {
  CONTRACT_DEFAULTS,
  type CompletedTraining,
  type CompleteTraining,
  completeTraining,
  RECIPE_NAMES,
  requestedTraining,
} from './training.ts';
