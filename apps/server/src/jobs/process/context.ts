// What the work of a job is given, and what it ends with.

import type { FromJob, ToJob } from './messages.ts';

export interface JobContext extends Omit<Extract<ToJob, { type: 'begin' }>, 'type' | 'job'> {
  /** DATA/jobs/ID */
  readonly folder: string;
  /** Aborted when the job is to save and end. */
  readonly signal: AbortSignal;
  readonly send: (message: FromJob) => void;
  /** A line of the log. */
  readonly say: (line: string) => void;
}

export interface JobEnd {
  readonly status: 'finished' | 'interrupted';
  readonly result: Readonly<Record<string, unknown>> | null;
}
