export { Jobs, type JobsOptions, openJobs } from './jobs.ts';
