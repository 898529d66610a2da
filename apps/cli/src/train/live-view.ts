// What a person sees while a run trains: in a terminal a few lines that are redrawn, elsewhere plain lines.

import type { SampledRate, TrainSettings } from '@ludic/grpo';
import { describeMemory, gigabytes } from '@ludic/grpo/internal';
import type { RunEvent } from '@ludic/grpo/node';
import { paint } from '../paint.ts';
import { duration, equalParts, percent } from '../units.ts';

const BARS = '▁▂▃▄▅▆▇█';

/** Values as a row of bars: each bar is the mean of an equal share of the values, scaled between the lowest and the highest. */
function sparkline(values: readonly number[], width: number): string {
  if (values.length === 0) return '';
  const parts = equalParts(values, Math.min(width, values.length));
  const means = parts.map((part) => part.reduce((a, b) => a + b, 0) / part.length);
  const low = Math.min(...means);
  const span = Math.max(...means) - low || 1;
  return means.map((mean) => BARS[Math.min(7, Math.floor(((mean - low) / span) * 8))]).join('');
}

/** The part of a run's events that is shown, so that events of a server's job can be shown as well. */
export type ShownEvent =
  | Exclude<RunEvent, { type: 'start' | 'step' | 'evaluation' }>
  | {
      readonly type: 'start';
      readonly settings: Pick<TrainSettings, 'environment' | 'history' | 'batchSize' | 'steps'>;
      /** Steps that were done before. */
      readonly step: number;
    }
  | Pick<Extract<RunEvent, { type: 'step' }>, 'type' | 'metrics'>
  | (Omit<Extract<RunEvent, { type: 'evaluation' }>, 'temperature'> & {
      /** Missing from servers of earlier versions. */
      readonly temperature?: number | undefined;
    });

/** How a warm start went, in a sentence. */
function warmStartText({ plan, before, after }: Extract<RunEvent, { type: 'warm_started' }>): string {
  const invalid = percent(before.invalid_rate);
  return plan
    ? `The model has learned the reply format: ${percent(after.invalid_rate)} of its replies are invalid, before ${invalid}`
    : `The model knows the reply format: ${invalid} of its replies are invalid, so it had no warm start`;
}

const sampledText = ({ sampled_temperature, sampled_episodes, ...sampled }: SampledRate) =>
  `; sampled at temperature ${sampled_temperature} (${sampled_episodes} games of the step): ${sampled.sampled_win_rate === undefined ? `success ${percent(sampled.sampled_success_rate)}` : `wins ${percent(sampled.sampled_win_rate)}`}`;

/** Draws the events of a run on `out`. */
export class LiveView {
  readonly #out: NodeJS.WriteStream;
  readonly #rewards: number[] = [];
  #steps = 0;
  #firstStep = 0;
  #spent = 0;
  #drawn = 0;
  /** The lines that are redrawn, without the evaluation. */
  #lines: readonly string[] = [];
  #evaluation = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(event: ShownEvent): void {
    switch (event.type) {
      case 'start':
        this.#steps = event.settings.steps;
        this.#firstStep = event.step;
        this.note(
          `${event.settings.environment}, ${event.settings.history}: ${event.settings.batchSize} games a step, ${event.settings.steps} steps`,
        );
        break;
      case 'memory': {
        const line = describeMemory(event.estimate, event.limit);
        const tight = event.estimate.total > event.available;
        const now = `; only ${gigabytes(event.available)} are free now. See --gradient-checkpointing, --lora-rank, --token-budget`;
        this.note(tight ? paint('yellow', `${line}${now}`) : line);
        break;
      }
      case 'workers':
        if (event.reason !== undefined) {
          const taken = event.count === 1 ? 'No workers' : `${event.count} workers`;
          this.note(paint('yellow', `${taken} instead of ${event.wanted}: ${event.reason}`));
        } else if (event.count > 1) this.note(`${event.count} workers share each update`);
        break;
      case 'worker_started':
        if (event.host !== undefined) this.note(`A worker on ${event.host} (process ${event.pid}) takes part`);
        break;
      case 'worker_lost': {
        const place = event.host === undefined ? '' : ` on ${event.host}`;
        this.note(paint('yellow', `A worker${place} (process ${event.pid}) ${event.reason}; its shard is done again`));
        break;
      }
      case 'worker_notice':
        this.note(paint('yellow', event.message));
        break;
      case 'warm_start':
        if (event.step % 10 === 0 || event.step === event.steps)
          this.note(`warm start ${event.step}/${event.steps}  loss ${event.loss.toFixed(3)}`);
        break;
      case 'warm_started':
        this.note(warmStartText(event));
        break;
      case 'step':
        this.#step(event);
        break;
      case 'evaluation': {
        const { evaluation, best, step, temperature, sampled } = event;
        const { success_rate, win_rate, loss_rate = 0, mean_steps, mean_reward, total_episodes } = evaluation;
        const won =
          win_rate === undefined
            ? `success ${percent(success_rate)}`
            : `wins ${percent(win_rate)}, losses ${percent(loss_rate)}`;
        const how = [
          ...(Number.isFinite(total_episodes) ? [`${total_episodes} games`] : []),
          ...(temperature === undefined ? [] : [`temperature ${temperature}`]),
        ].join(', ');
        this.#evaluation = `evaluation at step ${step}${how && ` (${how})`}: ${won}, ${mean_steps.toFixed(1)} steps, mean reward ${mean_reward.toFixed(3)}${sampled ? sampledText(sampled) : ''}${best ? ', the best so far' : ''}`;
        this.#spent += event.seconds;
        if (!this.#out.isTTY) this.note(this.#evaluation);
        else if (this.#lines.length > 0) this.#draw();
        break;
      }
      case 'warning':
        this.note(paint('yellow', event.message));
        break;
      case 'checkpoint':
        break;
      default:
        event satisfies never;
    }
  }

  /** Keeps the last drawing on the screen. */
  close(): void {
    this.#drawn = 0;
  }

  #step({ metrics: m }: Extract<ShownEvent, { type: 'step' }>): void {
    this.#rewards.push(m.mean_reward);
    this.#spent += m.seconds;
    const done = m.step - this.#firstStep;
    const left = (this.#spent / done) * (this.#steps - m.step);
    const wins = m.win_rate === undefined ? `success ${percent(m.success_rate)}` : `wins ${percent(m.win_rate)}`;
    const lost = lostGames(m);
    if (!this.#out.isTTY) {
      if (lost !== '' || done === 1 || m.step % 10 === 0 || m.step === this.#steps) {
        this.note(
          `step ${m.step}/${this.#steps}  mean reward ${m.mean_reward.toFixed(3)}  ${wins}  entropy ${m.entropy.toFixed(2)}  invalid ${percent(m.invalid_rate)}  ` +
            `gradient norm ${m.gradient_norm.toFixed(2)}  max log ratio ${m.max_log_ratio.toExponential(0)}  ${Math.round(m.tokens_per_second)} tokens/s  ${duration(left)} left${lost}`,
        );
      }
      return;
    }
    const width = Math.max(20, Math.min(60, this.#out.columns - 30));
    const filled = Math.round((m.step / this.#steps) * width);
    this.#lines = [
      `${paint('green', '█'.repeat(filled))}${paint('dim', '░'.repeat(width - filled))} ${m.step}/${this.#steps}  ${duration(left)} left`,
      `mean reward ${sparkline(this.#rewards, width)} ${m.mean_reward.toFixed(3)}`,
      `${wins}   entropy ${m.entropy.toFixed(2)}   invalid replies ${percent(m.invalid_rate)}   zero-variance groups ${percent(m.zero_variance_groups)}`,
      `gradient norm ${m.gradient_norm.toFixed(2)}   max log ratio ${m.max_log_ratio.toExponential(1)}   ${Math.round(m.tokens_per_second).toLocaleString('en')} tokens/s`,
      ...(lost === '' ? [] : [paint('yellow', lost.trim())]),
    ];
    this.#draw();
  }

  #draw(): void {
    const shown = this.#evaluation === '' ? this.#lines : [...this.#lines, this.#evaluation];
    this.#erase();
    this.#out.write(`${shown.join('\n')}\n`);
    this.#drawn = shown.length;
  }

  /** Writes a line above what is drawn. */
  note(line: string): void {
    this.#erase();
    this.#out.write(`${line}\n`);
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }
}

/** Games that failed or filled the context, as a phrase; empty where there were none. */
function lostGames({
  failure_rate = 0,
  first_failure,
  context_full_rate = 0,
}: Extract<ShownEvent, { type: 'step' }>['metrics']): string {
  const failed =
    failure_rate > 0 ? `  failed ${percent(failure_rate)}${first_failure ? ` (${first_failure})` : ''}` : '';
  return context_full_rate > 0 ? `  context full ${percent(context_full_rate)}${failed}` : failed;
}
