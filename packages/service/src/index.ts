// The promised API: schemas and types of requests and answers, the table of endpoints, errors, the OpenAPI document.

export type {
  EnvironmentList,
  Health,
  JobStarted,
  Model,
  PolicyEvaluation,
  Rollout,
} from './contract/answers.ts';
export { policyEvaluation } from './contract/answers.ts';
export { ENDPOINTS, type Endpoint, type EndpointName } from './contract/endpoints.ts';
export {
  ERROR_STATUS,
  type ErrorAnswer,
  type ErrorCode,
  type ErrorDetail,
  errorAnswer,
  ServiceError,
} from './contract/errors.ts';
export { isEnd, type Job, type JobEvent, type JobState } from './contract/jobs.ts';
export type { EvaluationNumbers, EvaluationResults, StepNumbers } from './contract/metric-schemas.ts';
export { openApiDocument } from './contract/openapi.ts';
export {
  type EvaluatePolicy,
  evaluatePolicy,
  type GenerateRollout,
  generateRollout,
  type StartTraining,
  startTraining,
} from './contract/requests.ts';
export type { HandedRollout } from './contract/rollouts.ts';
export { CONTRACT_DEFAULTS, requestedTraining } from './contract/training.ts';
