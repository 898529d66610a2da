// A job as clients see it.

import { type Job, ServiceError } from '@ludic/service';
import { forClients } from '../wording.ts';
import type { NewEvent, StoredJob } from './store/job-store.ts';

export function viewOf({
  id,
  cancelling: _cancelling,
  stopping: _stopping,
  consecutiveFailures: _failures,
  failureCheckpoint: _checkpoint,
  ranMs: _ranMs,
  evaluatedStep: _evaluatedStep,
  game: _game,
  reason,
  ...job
}: StoredJob): Job {
  return { job_id: id, ...job, reason: reason === null ? null : forClients(reason) };
}

/** Also for the job of another owner: it must not be told from one that is not there. */
export const noSuchJob = () => new ServiceError('not_found', 'There is no such job. GET /jobs lists them.');

/** The event that tells clients of a change. */
export const jobEvent = (job: StoredJob): NewEvent => ({ type: 'job', data: viewOf(job) });
