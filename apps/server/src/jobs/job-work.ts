// What does the work of an attempt at a job: a process of its own, or the process of the model that it plays with.

import type { ProcessExit } from '../inference/errors.ts';
import type { FromJob } from './process/messages.ts';

export interface JobWork {
  /** Of the process that works on it now. */
  readonly pid: number | undefined;
  /** Asks it to save and end. */
  stop(): void;
  /** Ends it where it is. */
  kill(): void;
}

export interface WorkHooks {
  readonly onMessage: (message: FromJob) => void;
  /** Called once, after the last message. */
  readonly onExit: (exit: WorkExit) => void;
}

/** How the process of the work ended, also where it goes on for others: then its code is 0. */
export interface WorkExit extends ProcessExit {
  /** Its last words, where they are not in the log of the job. */
  readonly printed?: string;
}
