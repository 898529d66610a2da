// What becomes of a job when its process or its server has ended: the one place that decides between another attempt and
// an end.

import { stuckGame } from '@ludic/environments';
import type { WorkExit } from './job-work.ts';
import type { FromJob } from './process/messages.ts';
import type { JobFields } from './store/job-store.ts';

/** Why the server ends a process. */
export type StopReason = 'cancel' | 'timeout' | 'stop' | 'silent';

/** How an attempt ended. */
export interface AttemptEnd {
  readonly exit: WorkExit;
  /** What the process reported last, where it came to that. */
  readonly report: Extract<FromJob, { type: 'ended' | 'failed' }> | undefined;
  readonly stopReason: StopReason | undefined;
  /** The end of its log, or of what its process printed. */
  readonly lastWords: string;
  /** Step of the newest checkpoint; -1 where there is none. */
  readonly checkpoint: number;
}

export interface JobOutcome {
  readonly fields: Partial<JobFields> & Pick<JobFields, 'status' | 'reason'>;
  /** Which pause comes before the next attempt. 0: none. */
  readonly pause: number;
}

/** Deaths of its process or of the server in a row without a new checkpoint between them. */
export const MAX_CONSECUTIVE_FAILURES = 3;
/** A game that does not come back is tried once more. */
const MAX_STUCK = 2;

export function outcomeOf(job: JobFields, ending: AttemptEnd, timeoutMs: number): JobOutcome {
  const { report, stopReason } = ending;
  const end = (fields: JobOutcome['fields']): JobOutcome => ({ fields: { ...fields, seconds_left: null }, pause: 0 });
  if (report?.type === 'ended' && report.status === 'finished') {
    const result = report.result ? { ...report.result } : null;
    return end({ status: 'completed', reason: null, result, step: job.total_steps });
  }
  // A cancel also counts for a job whose process has just died.
  if (stopReason === 'cancel' || job.cancelling)
    return end({ status: 'cancelled', reason: saved('It was cancelled', ending) });
  if (stopReason === 'timeout') {
    const limit = `It took longer than the ${timeoutMs / 1000} s that a job may take`;
    return end({ status: 'failed', reason: `${saved(limit, ending)} It can be resumed.` });
  }
  if (report?.type === 'failed') return end({ status: 'failed', reason: report.reason });
  if (stopReason === 'stop') return end({ status: 'queued', reason: STOPPED });
  if (report) return end({ status: 'queued', reason: 'Another program told its process to end; it goes on.' });
  return afterDeath(job, causeOf(ending), ending.checkpoint);
}

const STOPPED = 'The server was stopped; it goes on when the server does.';

/**
 * On a job that ran when its server was killed. That counts as its death, since it may be what took the server down, unless
 * the server was ending anyway.
 * @param checkpoint step of its newest; -1 where there is none
 */
export function outcomeOfLost(job: JobFields, checkpoint: number): JobOutcome {
  if (job.cancelling)
    return { fields: { status: 'cancelled', reason: 'It was cancelled.', seconds_left: null }, pause: 0 };
  if (job.stopping) return { fields: { status: 'queued', reason: STOPPED, seconds_left: null }, pause: 0 };
  // It keeps its place in the queue: whatever else killed the server has passed.
  return { ...afterDeath(job, 'The server was killed while it ran.', checkpoint), pause: 0 };
}

/** After a death that the server did not bring about. */
function afterDeath(job: JobFields, cause: string, checkpoint: number): JobOutcome {
  const consecutiveFailures = checkpoint > job.failureCheckpoint ? 1 : job.consecutiveFailures + 1;
  const common = { consecutiveFailures, failureCheckpoint: checkpoint, seconds_left: null };
  if (consecutiveFailures >= (stuckGame(cause) === undefined ? MAX_CONSECUTIVE_FAILURES : MAX_STUCK)) {
    const reason = `${cause} It was tried ${consecutiveFailures} times in a row without getting to a new checkpoint. It can be resumed.`;
    return { fields: { ...common, status: 'failed', reason }, pause: 0 };
  }
  const from = checkpoint >= 0 ? `from the checkpoint of step ${checkpoint}` : 'from the beginning';
  return {
    fields: { ...common, status: 'queued', reason: `${cause} It is tried again, ${from}.` },
    pause: consecutiveFailures,
  };
}

function saved(what: string, { report, checkpoint }: AttemptEnd): string {
  if (report?.type === 'failed') return `${what}, and could not save: ${report.reason}`;
  if (report) return checkpoint >= 0 ? `${what}; it saved at step ${checkpoint}.` : `${what}.`;
  return `${what}. It did not end in time and was killed${checkpoint >= 0 ? `; its last checkpoint is of step ${checkpoint}` : ''}.`;
}

const LESS = 'a smaller batch_size or token_budget, gradient_checkpointing or lora_rank need less';

function causeOf({ exit: { code, signal, error, wasSilent }, stopReason, lastWords }: AttemptEnd): string {
  const stuck = stuckGame(lastWords);
  if (stuck !== undefined) return stuck;
  if (error !== undefined) return `Its process could not be started: ${error}.`;
  if (stopReason === 'silent' || wasSilent) return 'Its process gave no sign of life for a long time and was killed.';
  if (/heap out of memory|bad_alloc|Failed to allocate memory/i.test(lastWords))
    return `Its process ran out of memory: ${LESS}.`;
  if (signal === 'SIGKILL')
    return `Its process was killed from outside (SIGKILL), as the system does when memory runs out: ${LESS}.`;
  return signal === null
    ? `Its process ended with code ${code}; its log tells more.`
    : `Its process was ended by ${signal}; its log tells more.`;
}
