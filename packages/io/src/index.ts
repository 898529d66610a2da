export { deserializeError, isExplained, LudicError, type SerializedError, serializeError } from './error.ts';
export {
  type FetchPolicy,
  isTransientStatus,
  PROGRESS_BYTES,
  pauseAfter,
  type Retry,
  type RetryOptions,
  type RetryPolicy,
  retry,
  type Sleep,
  sleep,
  TransientError,
} from './retry.ts';
export { askedWait, rateLimitReset, retryAfter } from './retry-after.ts';
