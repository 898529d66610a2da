export { type Answer, openAnswer } from './answer.ts';
export { type Channel, type PostTarget, postChannel, type Send } from './channel.ts';
export { deserializeError, isExplained, LudicError, type SerializedError, serializeError } from './error.ts';
export { PartialFile, resumableDownload } from './resumable-download.ts';
export {
  type Answering,
  type Asked,
  type AskOptions,
  answerRequests,
  type Call,
  type Calls,
  type Handlers,
  type ReplyMessage,
  type RequestMessage,
  Requests,
} from './requests.ts';
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
