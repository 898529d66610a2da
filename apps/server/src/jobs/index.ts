export { Jobs, openJobs } from './jobs.ts';
export type { JobsOptions } from './options.ts';
