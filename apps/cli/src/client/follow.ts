// A job of a server as it goes on: its curve where it trains, and how it ends. Ctrl-C ends the looking on, not the job.

import { camelCase } from '@ludic/grpo';
import { isEnd, type Job, type JobEvent } from '@ludic/service';
import type { LudicClient } from '@ludic/service/client';
import { LiveView, type ShownEvent } from '../live.ts';

/** The command line of another action on the same job. */
export type Again = (action: string, id: string) => string;

/** @returns the job when it has ended; undefined where Ctrl-C came first */
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

/** From the events of a job to what the view of a run draws, or to lines. */
export class ShownJob {
  #job: Job | undefined;
  #isShown = false;

  take(event: JobEvent): readonly (ShownEvent | string)[] {
    switch (event.type) {
      case 'job':
        return this.#state(event.data);
      case 'step': {
        const start = this.#isShown ? [] : [this.#start(event.data.step)];
        this.#isShown = true;
        return [...start, stepOf(inCamelCase(event.data))];
      }
      case 'evaluation':
        return [evaluationOf(inCamelCase(event.data))];
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
    // An end is told by whoever follows.
    if (isEnd(job.status)) return [];
    const again = job.attempts > 1 ? `, attempt ${job.attempts}` : '';
    return [`Job ${job.job_id} is ${job.status}${again}${job.reason === null ? '.' : `: ${job.reason}`}`];
  }

  /** @param first step that is shown */
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

type Numbers = Readonly<Record<string, unknown>>;

/** The service speaks snake case; what is in snake case or not comes out as the library has it. */
const inCamelCase = (value: unknown): Numbers =>
  Object.fromEntries(
    Object.entries(value as Numbers).map(([name, inner]) => [
      camelCase(name),
      typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inCamelCase(inner) : inner,
    ]),
  );

const number = (value: unknown) => (typeof value === 'number' ? value : Number.NaN);

function stepOf(data: Numbers): ShownEvent {
  return {
    type: 'step',
    metrics: {
      step: number(data.step),
      reward: number(data.reward ?? data.meanReward),
      successRate: number(data.successRate),
      ...(typeof data.winRate === 'number' && { winRate: data.winRate }),
      entropy: number(data.entropy),
      invalidRate: number(data.invalidRate),
      gradientNorm: number(data.gradientNorm),
      maxLogRatio: number(data.maxLogRatio),
      zeroVarianceGroups: number(data.zeroVarianceGroups),
      ...(typeof data.failureRate === 'number' && { failureRate: data.failureRate }),
      ...(typeof data.firstFailure === 'string' && { firstFailure: data.firstFailure }),
      ...(typeof data.contextFullRate === 'number' && { contextFullRate: data.contextFullRate }),
    },
    seconds: number(data.seconds),
    tokensPerSecond: number(data.tokensPerSecond),
  };
}

function evaluationOf(data: Numbers): ShownEvent {
  const { success, outcomes } = data as {
    readonly success?: Rate;
    readonly outcomes?: { readonly win: Rate; readonly draw: Rate; readonly loss: Rate };
  };
  return {
    type: 'evaluation',
    step: number(data.step),
    evaluation: {
      success: success ?? rateOf(data.successRate),
      ...(outcomes
        ? { outcomes }
        : typeof data.winRate === 'number' && {
            outcomes: { win: rateOf(data.winRate), draw: rateOf(data.drawRate), loss: rateOf(data.lossRate) },
          }),
      meanSteps: number(data.meanSteps),
      meanReward: number(data.meanReward),
      episodes: number(data.totalEpisodes ?? data.episodes),
    },
    ...(typeof data.temperature === 'number' && { temperature: data.temperature }),
    ...(typeof data.sampledTemperature === 'number' && {
      sampled: {
        temperature: data.sampledTemperature,
        episodes: number(data.sampledEpisodes),
        successRate: number(data.sampledSuccessRate),
        ...(typeof data.sampledWinRate === 'number' && { winRate: data.sampledWinRate }),
        meanReward: number(data.sampledMeanReward),
      },
    }),
    best: data.best === true,
    seconds: number(data.seconds),
  };
}

type Rate = Extract<ShownEvent, { type: 'evaluation' }>['evaluation']['success'];
/** A share without its interval, which is not shown. */
const rateOf = (share: unknown): Rate => ({ rate: number(share), interval: [Number.NaN, Number.NaN] });
