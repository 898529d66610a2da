export { type Answer, openAnswer } from './answer.ts';
export { type Channel, type PostTarget, postChannel, type Send } from './channel.ts';
export { deserializeError, isExplained, LudicError, type SerializedError, serializeError } from './error.ts';
export { isObject, type JsonObject, parseObject, wholeLines } from './json.ts';
export {
  type Answering,
  answerRequests,
  type Following,
  type Handlers,
  type ReplyMessage,
  type RequestMessage,
  type RequestSpec,
  type RequestSpecs,
  Requests,
  type TypedRequest,
} from './requests.ts';
export { PartialFile, resumableDownload } from './resumable-download.ts';
export {
  type FetchPolicy,
  isTransientStatus,
  pauseAfter,
  type Retry,
  type RetryOptions,
  type RetryPolicy,
  retry,
  retryPauses,
  type Sleep,
  sleep,
  TransientError,
} from './retry.ts';
export { askedWait, rateLimitReset, retryAfter } from './retry-after.ts';
