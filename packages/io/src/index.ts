export { type Answer, openAnswer } from './answer.ts';
export { deserializeError, isExplained, LudicError, type SerializedError, serializeError } from './error.ts';
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
