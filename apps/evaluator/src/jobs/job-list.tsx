// All jobs of the server, each with its state and how far it is.

import { evaluatePolicy, isEnd, type Job, type JobState } from '@ludic/service';
import { completePlaying } from '@ludic/service/internal';
import { Button } from '../ui/button.tsx';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { percent, whole } from '../ui/numbers.ts';
import { atTemperature, resultsOf } from './job/evaluations.tsx';
import { moment, namedOwner, span } from './messages.ts';

/** The name of what a job trains, or of what it evaluates. */
export const titleOf = ({ kind, output_dir, model_name }: Job) =>
  kind === 'train' ? (output_dir ?? model_name) : `${model_name}, evaluated`;

/** What tells evaluations of one model apart: `seeing its own notes, temperature 0.1`. */
export function mannerOf({ request }: Job): string {
  const { data } = evaluatePolicy.safeParse(request);
  if (!data) return '';
  return `seeing ${HISTORY_TITLES[completePlaying(data).history_strategy]}, temperature ${data.sampling_params.temperature}`;
}

/** The state of a job as a word; its colour is in the style. */
export const JobBadge = ({ status }: { readonly status: JobState }) => (
  <span class="badge" data-status={status}>
    {status === 'queued' ? 'waiting' : status}
  </span>
);

/** The jobs in the order of the server, the newest first. */
export function JobList({
  jobs,
  selected,
  onSelect,
}: {
  readonly jobs: readonly Job[] | undefined;
  readonly selected: string | undefined;
  readonly onSelect: (id: string) => void;
}) {
  return (
    <nav class="job-list" aria-label="Jobs">
      {jobs?.length === 0 && <p class="empty">No jobs yet.</p>}
      <ul>
        {jobs?.map((job) => (
          <li key={job.job_id}>
            <Button aria-current={job.job_id === selected ? 'true' : undefined} onClick={() => onSelect(job.job_id)}>
              <span class="job-title">
                <b>{titleOf(job)}</b>
                <JobBadge status={job.status} />
              </span>
              <JobProgress job={job} />
              <small>
                {[
                  `${job.env_type.replaceAll('_', ' ')}, ${job.kind === 'train' ? `from ${job.model_name}` : mannerOf(job)}`,
                  namedOwner(job),
                  moment(job.started_at ?? job.created_at),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </small>
            </Button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** A bar, and the same in words. */
export function JobProgress({ job }: { readonly job: Job }) {
  const { status, kind, step, total_steps, seconds_left } = job;
  const unit = `${kind === 'train' ? 'update' : 'game'}${total_steps === 1 ? '' : 's'}`;
  const left = status === 'running' && seconds_left !== null ? `, about ${span(seconds_left)} left` : '';
  const success = kind === 'evaluate' ? resultsOf(job)?.success_rate : undefined;
  const found = success === undefined ? '' : `, ${percent(success)} success${atTemperature(job)}`;
  const text =
    status === 'completed'
      ? `${whole(total_steps)} ${unit}${found}`
      : `${whole(step)} of ${whole(total_steps)} ${unit}${left}`;
  return (
    <span class="job-progress">
      {!(isEnd(status) && step >= total_steps) && (
        <progress value={step} max={Math.max(1, total_steps)} aria-label={text} />
      )}
      <span>{text}</span>
    </span>
  );
}
