export { isExplained, LudicError } from './error.ts';
export { parseHttpDate } from './http-date.ts';
export { pauseAfter, type RetryPolicy, TransientError } from './retry.ts';
export { askedWait, rateLimitReset, retryAfter } from './retry-after.ts';
