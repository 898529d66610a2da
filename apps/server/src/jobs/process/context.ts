// What the work of a job is given, and what it ends with.

import type { FromJob, ToJob } from './messages.ts';

export interface JobContext
  extends Pick<Extract<ToJob, { type: 'begin' }>, 'id' | 'dataFolder' | 'device' | 'threads'> {
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

export const INTERRUPTED: JobEnd = { status: 'interrupted', result: null };

/** What cannot be interrupted and has nothing to save, such as a download, is left behind. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
