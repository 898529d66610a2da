// Follows a job of a server: its curve and its end. Ctrl-C ends the following, not the job.

import { LOGGED_STEP_METRICS, type LoggedStepMetrics, type SampledRate } from '@ludic/grpo';
import { SAMPLED_METRICS } from '@ludic/grpo/internal';
import { EVALUATION_METRICS, type Evaluation, type Metric } from '@ludic/rollouts';
import { type EvaluationNumbers, isEnd, type Job, type JobEvent, type StepNumbers } from '@ludic/service';
import type { LudicClient } from '@ludic/service/client';
import { LiveView, type ShownEvent } from '../train/live-view.ts';

/** The command line of another action on the same job. */
export type Again = (action: string, id: string) => string;

/** @returns the ended job; undefined after Ctrl-C */
export async function followJob(
  client: LudicClient,
  id: string,
  again: Again,
  out: NodeJS.WriteStream,
): Promise<Job | undefined> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  process.once('SIGINT', interrupt);
  const view = new LiveView(out);
  const shown = new ShownJob();
  try {
    for await (const event of client.jobEvents(id, { signal: controller.signal }))
      for (const part of shown.take(event)) typeof part === 'string' ? out.write(`${part}\n`) : view.show(part);
    view.close();
    return await client.job(id, { signal: controller.signal });
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    view.close();
    process.stderr.write(
      `\nThe job goes on without you. Follow it again with: ${again('job', id)} --follow\nStop it with: ${again('cancel', id)}\n`,
    );
    process.exitCode = 130;
    return undefined;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Turns events of a job into events of the live view, or into lines. */
class ShownJob {
  #job: Job | undefined;
  #isShown = false;

  take(event: JobEvent): readonly (ShownEvent | string)[] {
    switch (event.type) {
      case 'job':
        return this.#state(event.data);
      case 'step': {
        const start = this.#isShown ? [] : [this.#start(event.data.step)];
        this.#isShown = true;
        return [...start, stepOf(event.data)];
      }
      case 'evaluation':
        return [evaluationOf(event.data)];
      case 'warning':
        return [{ type: 'warning', step: event.data.step ?? 0, message: event.data.message }];
      default:
        return event satisfies never;
    }
  }

  #state(job: Job): readonly string[] {
    const before = this.#job;
    this.#job = job;
    if (job.status === before?.status && job.attempts === before.attempts) {
      const isMoving = job.kind === 'evaluate' && job.step !== before.step && !isEnd(job.status);
      return isMoving ? [`${job.step} of ${job.total_steps} games`] : [];
    }
    // The caller reports the end.
    if (isEnd(job.status)) return [];
    const again = job.attempts > 1 ? `, attempt ${job.attempts}` : '';
    return [`Job ${job.job_id} is ${job.status}${again}${job.reason === null ? '.' : `: ${job.reason}`}`];
  }

  /** @param first number of the first step that is shown */
  #start(first: number): ShownEvent {
    const request = this.#job?.request ?? {};
    const { env_type, history_strategy, batch_size } = request;
    return {
      type: 'start',
      settings: {
        environment: String(env_type ?? 'a game'),
        history: String(history_strategy ?? 'NO_HISTORY') as 'NO_HISTORY',
        batchSize: Number(batch_size),
        steps: this.#job?.total_steps ?? first,
      },
      step: first - 1,
    };
  }
}

/** Not a number, for every metric that is always there: servers of earlier versions may not tell it. */
const unknown = (table: Readonly<Record<string, Metric>>) =>
  Object.fromEntries(
    Object.entries(table).flatMap(([key, { optional }]) => (optional ? [] : [[key, Number.NaN] as const])),
  );

const stepOf = (data: StepNumbers): ShownEvent => ({
  type: 'step',
  metrics: { ...unknown(LOGGED_STEP_METRICS), ...data } as LoggedStepMetrics,
});

const evaluationOf = (data: EvaluationNumbers): ShownEvent => ({
  type: 'evaluation',
  step: data.step,
  evaluation: { ...unknown(EVALUATION_METRICS), ...data } as Evaluation,
  temperature: data.temperature,
  ...(data.sampled_temperature !== undefined && {
    sampled: { ...unknown(SAMPLED_METRICS), ...data } as SampledRate,
  }),
  best: data.best === true,
  seconds: data.seconds ?? Number.NaN,
});
