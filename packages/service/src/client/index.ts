export { parseBaseUrl } from './base-url.ts';
export type { ChatDelta, ChatRequest } from './chat.ts';
export {
  type CallOptions,
  type EvaluationRequest,
  LudicClient,
  type RolloutRequest,
  type TrainingRequest,
} from './client.ts';
export type { ConnectionOptions } from './connection.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export type { EventsOptions, NumberedJobEvent } from './job-events.ts';
export type { FileOptions, ModelFile } from './model-file.ts';
