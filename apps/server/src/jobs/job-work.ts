// What does the work of an attempt at a job: a process of its own, or the process of the model that it plays with.

import type { ProcessExit } from '../inference/errors.ts';
import type { FromJob, LentRollout, RolloutAnswer, RolloutRequestMessage } from './process/messages.ts';

/** The way to the rollouts of an agent, in the process of its training. Both reject where that has ended. */
export interface RolloutLink {
  next(waitMs: number, signal: AbortSignal): Promise<LentRollout | undefined>;
  ask(request: RolloutRequestMessage, signal: AbortSignal): Promise<RolloutAnswer>;
}

export interface JobWork {
  /** Of the process that works on it now. */
  readonly pid: number | undefined;
  /** Of a training of an agent. */
  readonly rollouts?: RolloutLink;
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
