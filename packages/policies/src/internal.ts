// Entry `@ludic/policies/internal`: what other packages of this repository need and nothing else is promised.

export { CONCURRENCY, RETRIES, TIMEOUT } from './openai/settings.ts';
