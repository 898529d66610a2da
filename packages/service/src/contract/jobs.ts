// Jobs: trainings, and evaluations that were requested with async.

import { z } from 'zod';
import { type EvaluationNumbers, evaluationNumbers, type StepNumbers, stepNumbers } from './metric-schemas.ts';

/**
 * queued: waits for its turn, also between two attempts. running: a process works on it. completed, failed, cancelled:
 * the end; a failed or cancelled training can be resumed from its last checkpoint.
 */
export const JOB_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
/** `status` of a job. `isEnd` says which states can change no more by themselves. */
export type JobState = (typeof JOB_STATES)[number];
/** Whether a job with this state can change no more, unless it is resumed. */
export const isEnd = (state: JobState) => state === 'completed' || state === 'failed' || state === 'cancelled';

const time = () => z.iso.datetime();

/** A job as clients see it. Times are ISO 8601 in UTC. */
export const job = z
  .object({
    job_id: z.string(),
    kind: z.enum(['train', 'evaluate']),
    status: z.enum(JOB_STATES),
    owner: z.string().describe('Name of the password that the job was submitted with; "password" if it has no name'),
    model_name: z.string().describe('Model that is trained or evaluated'),
    output_dir: z.string().nullable().describe('Name of the run, for model_path and /models'),
    env_type: z.string(),
    queue_place: z.int().nullable().optional().describe('Place in the queue, from 1; null if the job does not wait'),
    created_at: time(),
    started_at: time().nullable(),
    ended_at: time().nullable(),
    heartbeat_at: time().nullable().describe('Last sign of life of the process'),
    attempts: z.int().describe('Number of processes that were started for the job'),
    step: z.int().describe('Training steps done; of an evaluation the games played'),
    total_steps: z.int(),
    seconds_left: z.number().nullable().describe('Estimate; null while unknown'),
    latest: z
      .record(z.string(), z.number())
      .nullable()
      .describe('Metrics of the last step, such as mean_reward and success_rate'),
    reason: z.string().nullable().describe('Why the job failed, was cancelled or waits'),
    request: z.record(z.string(), z.unknown()).describe('The complete request without the password'),
    result: z.record(z.string(), z.unknown()).nullable().describe('Result of a completed job'),
  })
  .meta({ id: 'Job' });
/**
 * Answer to GET /jobs/{id}, an entry of GET /jobs, and data of the event `job`. `seconds_left` is in seconds, times are
 * ISO 8601 in UTC, and `step` counts training steps, or the games of an evaluation.
 */
export type Job = z.infer<typeof job>;

/** Answer to GET /jobs. */
export const jobList = z.object({ jobs: z.array(job) });

/** Answer to GET /jobs/{id}/metrics: the metrics of each step and of each evaluation, in the order of the steps. */
export const jobMetrics = z.object({
  job_id: z.string(),
  steps: z.array(stepNumbers).describe('One object per training step'),
  evaluations: z.array(evaluationNumbers),
});
/**
 * Answer to GET /jobs/{id}/metrics: an object per training step and per evaluation; keys are those of
 * `LOGGED_STEP_METRICS` and `EVALUATION_METRICS`, which say the units.
 */
export type JobMetrics = z.infer<typeof jobMetrics>;

/** Server-sent events of a job, by name; the data of each is JSON. */
export type JobEvent =
  | { readonly type: 'job'; readonly data: Job }
  | { readonly type: 'step'; readonly data: StepNumbers }
  | { readonly type: 'evaluation'; readonly data: EvaluationNumbers }
  | { readonly type: 'warning'; readonly data: { readonly message: string; readonly step?: number } };
export const JOB_EVENTS = ['job', 'step', 'evaluation', 'warning'] as const satisfies readonly JobEvent['type'][];
