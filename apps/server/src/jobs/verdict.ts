// What becomes of a job whose process has ended, or whose server has: the one place that decides between another attempt
// and an end.

import { stuckGame } from '@ludic/environments';
import type { Exit } from './job-process.ts';
import type { StoredJob } from './job-store.ts';
import type { FromJob } from './process/messages.ts';

/** Why the server ends a process. */
export type Wish = 'cancel' | 'timeout' | 'stop' | 'silent';

/** How an attempt ended. */
export interface Ending {
  readonly exit: Exit;
  /** Its own account, where it came to give one. */
  readonly account: Extract<FromJob, { type: 'ended' | 'failed' }> | undefined;
  readonly wish: Wish | undefined;
  /** The end of its log. */
  readonly lastWords: string;
  /** Step of the newest checkpoint; -1 where there is none. */
  readonly checkpoint: number;
}

export interface Verdict {
  readonly fields: Partial<StoredJob> & Pick<StoredJob, 'status' | 'reason'>;
  /** Which pause comes before the next attempt. 0: none. */
  readonly pause: number;
}

/** Deaths of its process or of the server in a row without a new checkpoint between them. */
export const MOST_STRIKES = 3;
/** A game that does not come back is tried once more. */
const MOST_STUCK = 2;

export function verdictOn(job: StoredJob, ending: Ending, timeoutMs: number): Verdict {
  const { account, wish } = ending;
  const end = (fields: Verdict['fields']): Verdict => ({ fields: { ...fields, seconds_left: null }, pause: 0 });
  if (account?.type === 'ended' && account.status === 'finished') {
    const result = account.result ? { ...account.result } : null;
    return end({ status: 'completed', reason: null, result, step: job.total_steps });
  }
  // Who cancels a job whose process has just died means it too.
  if (wish === 'cancel' || job.cancelling)
    return end({ status: 'cancelled', reason: saved('It was cancelled', ending) });
  if (wish === 'timeout') {
    const limit = `It took longer than the ${timeoutMs / 1000} s that a job may take`;
    return end({ status: 'failed', reason: `${saved(limit, ending)} It can be resumed.` });
  }
  if (account?.type === 'failed') return end({ status: 'failed', reason: account.reason });
  if (wish === 'stop') return end({ status: 'queued', reason: STOPPED });
  if (account) return end({ status: 'queued', reason: 'Its process was told to end by somebody else; it goes on.' });
  return afterDeath(job, causeOf(ending), ending.checkpoint);
}

const STOPPED = 'The server was stopped; it goes on when the server does.';

/**
 * On a job that ran when its server was killed. That counts as its death, since it may be what took the server down, unless
 * the server was ending anyway.
 * @param checkpoint step of its newest; -1 where there is none
 */
export function verdictOnLost(job: StoredJob, checkpoint: number): Verdict {
  if (job.cancelling)
    return { fields: { status: 'cancelled', reason: 'It was cancelled.', seconds_left: null }, pause: 0 };
  if (job.stopping) return { fields: { status: 'queued', reason: STOPPED, seconds_left: null }, pause: 0 };
  // It keeps its place in the queue: whatever else killed the server has passed.
  return { ...afterDeath(job, 'The server was killed while it ran.', checkpoint), pause: 0 };
}

/** A death that nobody wished. */
function afterDeath(job: StoredJob, cause: string, checkpoint: number): Verdict {
  const strikes = checkpoint > job.strikeCheckpoint ? 1 : job.strikes + 1;
  const common = { strikes, strikeCheckpoint: checkpoint, seconds_left: null };
  if (strikes >= (stuckGame(cause) === undefined ? MOST_STRIKES : MOST_STUCK)) {
    const reason = `${cause} It was tried ${strikes} times in a row without getting to a new checkpoint. It can be resumed.`;
    return { fields: { ...common, status: 'failed', reason }, pause: 0 };
  }
  const from = checkpoint >= 0 ? `from the checkpoint of step ${checkpoint}` : 'from the beginning';
  return { fields: { ...common, status: 'queued', reason: `${cause} It is tried again, ${from}.` }, pause: strikes };
}

function saved(what: string, { account, checkpoint }: Ending): string {
  if (account?.type === 'failed') return `${what}, and could not save: ${account.reason}`;
  if (account) return checkpoint >= 0 ? `${what}; it saved at step ${checkpoint}.` : `${what}.`;
  return `${what}. It did not end in time and was killed${checkpoint >= 0 ? `; its last checkpoint is of step ${checkpoint}` : ''}.`;
}

const LESS = 'a smaller batch_size or token_budget, gradient_checkpointing or lora_rank need less';

function causeOf({ exit: { code, signal, error }, wish, lastWords }: Ending): string {
  const stuck = stuckGame(lastWords);
  if (stuck !== undefined) return stuck;
  if (error !== undefined) return `Its process could not be started: ${error}.`;
  if (wish === 'silent') return 'Its process gave no sign of life for a long time and was killed.';
  if (/heap out of memory|bad_alloc|Failed to allocate memory/i.test(lastWords))
    return `Its process ran out of memory: ${LESS}.`;
  if (signal === 'SIGKILL')
    return `Its process was killed from outside (SIGKILL), as the system does when memory runs out: ${LESS}.`;
  return signal === null
    ? `Its process ended with code ${code}; its log tells more.`
    : `Its process was ended by ${signal}; its log tells more.`;
}
