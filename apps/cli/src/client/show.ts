// Answers of the service as text.

import { gameMetricRows } from '@ludic/rollouts/internal';
import type { EnvironmentList, Health, Job, Model, PolicyEvaluation, Rollout } from '@ludic/service';
import { notesRows } from '../evaluate/notes-text.ts';
import { paint, paintPart } from '../paint.ts';
import { amount, duration, table } from '../units.ts';

const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
const capitalized = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
const interval = ([low, high]: readonly [number, number], text: (value: number) => string) =>
  `${text(low)} to ${text(high)}`;

export function healthText(address: string, { version, device, gpu_available, uptime_s, jobs }: Health): string {
  const gpu = gpu_available ? 'with a GPU' : 'without a GPU';
  return `${address}: healthy, version ${version}, on ${device} ${gpu}, up for ${duration(uptime_s)}; jobs: ${jobs.running} running, ${jobs.queued} queued`;
}

export function evaluationText({
  model_path,
  env_type,
  history_strategy,
  temperature,
  message,
  results,
}: Omit<PolicyEvaluation, 'trajectories'>): string {
  const { win_rate, draw_rate, loss_rate, ...r } = results;
  const outcomes = Object.entries({ Wins: win_rate, Draws: draw_rate, Losses: loss_rate }).flatMap(([name, rate]) =>
    rate === undefined ? [] : [`${name}: ${percent(rate)}`],
  );
  return [
    `${model_path} at ${env_type}, ${history_strategy}, ${r.total_episodes} games${temperature === undefined ? '' : ` at temperature ${temperature}`}`,
    `Success rate: ${percent(r.success_rate)}`,
    `Success rate, 95% interval: ${interval(r.success_ci95, percent)}`,
    `Mean reward: ${r.mean_reward.toFixed(3)}`,
    `Mean reward, 95% interval: ${interval(r.mean_reward_ci95, (value) => value.toFixed(3))}`,
    ...outcomes,
    `Mean steps: ${r.mean_steps.toFixed(2)}`,
    ...gameMetricRows(results).map(([name, mean]) => `${capitalized(name)}: ${mean.toFixed(3)}`),
    ...notesRows(results).map(([name, text]) => `${capitalized(name)}: ${text}`),
    `Invalid replies: ${percent(r.invalid_rate)}`,
    ...(r.cut_off_rate > 0 ? [`Replies cut off at max-tokens: ${percent(r.cut_off_rate)}`] : []),
    ...(r.failure_rate > 0 ? [`Games that failed: ${percent(r.failure_rate)}`] : []),
    ...(message === undefined ? [] : [message]),
  ].join('\n');
}

export function rolloutText({ model_path, env_type, message, trajectory, summary }: Rollout): string {
  const system = trajectory.steps[0]?.prompt.find(({ role }) => role === 'system');
  const steps = trajectory.steps.flatMap(({ prompt, assistant, reward, info_from_env: info }) => {
    const notes = [
      ...(reward === 0 ? [] : [`reward ${reward}`]),
      ...(info.invalid ? ['invalid'] : []),
      ...(info.outcome ? [info.outcome] : []),
    ];
    return [
      paintPart('observation', prompt.at(-1)?.content ?? ''),
      paintPart('reply', `→ ${assistant}`),
      ...(notes.length > 0 ? [paintPart('note', `  (${notes.join(', ')})`)] : []),
      '',
    ];
  });
  const { total_reward, steps_taken, final_reward } = summary;
  const end = `${model_path} at ${env_type}: ${steps_taken} steps, total reward ${Number(total_reward.toFixed(4))}, final reward ${Number(final_reward.toFixed(4))}`;
  return [
    ...(system ? [paintPart('system', system.content), ''] : []),
    ...steps,
    ...(message === undefined ? [] : [paintPart('note', message)]),
    paintPart('note', end),
  ].join('\n');
}

const STATES = { queued: 'dim', running: 'cyan', completed: 'green', failed: 'red', cancelled: 'yellow' } as const;

/** The model that a job trains or evaluates. */
const subject = (job: Job) => (job.output_dir === null ? job.model_name : `${job.model_name} → ${job.output_dir}`);

export function jobsText(jobs: readonly Job[]): string {
  if (jobs.length === 0) return 'There are no jobs.';
  const reasons = jobs.flatMap(({ job_id, reason }) => (reason === null ? [] : [`${job_id}: ${reason}`]));
  const listed = table([
    ['job', 'kind', 'state', 'model', 'game', 'done', 'left'],
    ...jobs.map((job) => [
      job.job_id,
      job.kind,
      job.status,
      subject(job),
      job.env_type,
      `${job.step}/${job.total_steps}`,
      job.seconds_left === null ? '' : duration(job.seconds_left),
    ]),
  ]);
  return reasons.length === 0 ? listed : [listed, '', ...reasons].join('\n');
}

export function jobText(job: Job): string {
  const left = job.seconds_left === null ? '' : `, ${duration(job.seconds_left)} left`;
  return [
    `${job.job_id}: ${job.kind} ${subject(job)} at ${job.env_type}, ${paint(STATES[job.status], job.status)}`,
    `${job.step} of ${job.total_steps} done${left}; asked for by ${job.owner} at ${job.created_at}, begun ${job.attempts} times`,
    ...(job.reason === null ? [] : [job.reason]),
    ...Object.entries(job.latest ?? {}).map(([name, value]) => `${name}: ${Number(value.toPrecision(4))}`),
  ].join('\n');
}

export function modelsText(models: readonly Model[]): string {
  if (models.length === 0) return 'There are no models.';
  return table([
    ['model', 'kind', 'state', 'game', 'size', 'changed'],
    ...models.map((model) => [
      model.name,
      model.kind,
      model.status,
      model.env_type ?? '',
      amount(model.size_bytes),
      model.modified_at,
    ]),
  ]);
}

export function environmentsText(environments: EnvironmentList['environments']): string {
  return environments
    .map(({ env_type, title, description, config_schema }) => {
      const properties = Object.entries((config_schema.properties ?? {}) as Record<string, ShownSetting>);
      const settings = properties.map(([name, { default: fallback, description: what }]) => [
        `  ${name}`,
        fallback === undefined ? '' : JSON.stringify(fallback),
        what ?? '',
      ]);
      return `${paint('bold', env_type)}: ${title}. ${description}\n${table(settings)}`;
    })
    .join('\n\n');
}

interface ShownSetting {
  readonly default?: unknown;
  readonly description?: string;
}
