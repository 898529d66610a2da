// Training as a job: a new run, or the one that an earlier attempt left.

import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { GrpoError, type TrainSettings } from '@ludic/grpo';
import { currentEvaluation, firstSettings } from '@ludic/grpo/internal';
import {
  hasOnlyBegun,
  processMemory,
  type RunEvent,
  RunFolder,
  type RunResult,
  type RunStart,
  runTraining,
} from '@ludic/grpo/node';
import { createRuntime } from '@ludic/runtime/node';
import { requestedTraining, ServiceError } from '@ludic/service';
import { type Clock, isTracked } from '@ludic/tracking';
import { RunTracker } from '@ludic/tracking/node';
import { gameOrigin, loadGame } from '../../games.ts';
import { ModelStore } from '../../models/model-store.ts';
import { openFiles } from '../../models/open-model.ts';
import { requestedTracking } from '../submission.ts';
import type { FromJob, ToJob, TrainingJob } from './messages.ts';

interface TrainingContext
  extends Pick<Extract<ToJob, { type: 'begin' }>, 'dataFolder' | 'device' | 'threads' | 'games'> {
  /** Aborted when the training is to save and end. */
  readonly signal: AbortSignal;
  readonly send: (message: FromJob) => void;
  /** A line of the log. */
  readonly say: (line: string) => void;
}

export type TrainingEnd = Omit<Extract<FromJob, { type: 'ended' }>, 'type'>;

export const INTERRUPTED: TrainingEnd = { status: 'interrupted', result: null };

const clock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, signal && { signal }).catch(() => {}),
  random: () => Math.random(),
};

/** Even a shard of a large model is done sooner; a process that hangs is rare. */
const WORKER_TIMEOUT_S = 3600;

export async function trainJob(
  job: TrainingJob,
  { dataFolder, device, threads: wanted, games, signal, send, say }: TrainingContext,
): Promise<TrainingEnd> {
  const { request } = job;
  const changed = await loadGame(request.env_type, games);
  if (changed !== undefined) {
    say(changed);
    send({ type: 'warning', message: changed });
  }
  const store = await ModelStore.open(dataFolder);
  const folder = store.folderOf(job.output_dir);
  const start = await startOf(folder, job, wanted);
  if (start.kind === 'finished') return { status: 'finished', result: resultOf(job, start.result) };
  // While a model is fetched there is nothing to save; from then on `runTraining` sees to it.
  const files =
    start.kind === 'new' ? await unlessAborted(signal, store.resolve(request.model_name).then(openFiles)) : undefined;
  say(files ? `Training ${request.model_name} in ${request.env_type}.` : 'Going on from the last checkpoint.');
  const { settings, threads } = start.kind === 'new' ? start : (await RunFolder.open(folder)).config;
  const runtimeOptions = {
    device,
    float16: settings.precision === 'float16',
    ...(threads !== undefined && { threads }),
  };
  const tracking = requestedTracking(request);
  const tracker = isTracked(tracking)
    ? new RunTracker({ run: folder, settings: tracking, environment: process.env, clock, say })
    : undefined;
  const result = await runTraining(start, {
    folder,
    runtime: await createRuntime(runtimeOptions),
    workers: {
      count: request.tensor_parallel_size,
      cores: availableParallelism(),
      runtime: runtimeOptions,
      timeoutSeconds: WORKER_TIMEOUT_S,
    },
    openFiles: async () => files!,
    signal,
    memory: processMemory(),
    onEvent: (event) => {
      tracker?.on(event);
      const line = lineOf(event);
      if (line !== undefined) say(line);
      if (event.type === 'step' || event.type === 'evaluation') send({ type: 'curve' });
      if (event.type === 'warning') send({ type: 'warning', message: event.message, step: event.step });
    },
  }).catch(async (error: unknown) => {
    await tracker?.end('failed');
    throw error;
  });
  await tracker?.end(result.status === 'stopped' ? 'failed' : result.status);
  if (result.status === 'interrupted') return INTERRUPTED;
  if (result.status === 'stopped') throw new GrpoError('collapsed', result.reason!);
  const { best, evaluation, step: steps } = result;
  return { status: 'finished', result: resultOf(job, { steps, best, evaluation }) };
}

/** What cannot be interrupted and has nothing to save, such as a download, is left behind. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

type Final = Pick<RunResult, 'best' | 'evaluation'> & { readonly steps: number };

const resultOf = ({ output_dir: model }: TrainingJob, { steps, best, evaluation }: Final) => ({
  model,
  steps,
  best_step: best?.step ?? null,
  ...(evaluation && { evaluation: currentEvaluation({ ...evaluation }) }),
});

/**
 * Where to go on. An attempt may have been killed at any moment, also between its last step and the word of it.
 * @throws ServiceError `conflict` where the folder holds something that is not this job's
 */
async function startOf(
  folder: string,
  { request, output_dir: name }: TrainingJob,
  wanted: number | undefined,
): Promise<RunStart | { readonly kind: 'finished'; readonly result: Final }> {
  const settings = requestedTraining(request);
  const run = await RunFolder.open(folder).catch(() => undefined);
  if (run && (await run.checkpoints()).length > 0) {
    if (
      run.config.model !== request.model_name ||
      !agree(firstSettings(run.config.settings, run.config.changes), settings)
    )
      throw foreign(name);
    const final = await readFile(join(folder, 'final', 'result.json'), 'utf8').catch(() => undefined);
    if (final === undefined) return { kind: 'resume' };
    const result = JSON.parse(final);
    if (typeof result.stopped !== 'string') return { kind: 'finished', result };
    // A run that a watchdog has stopped may go on: it stops again where it gets no better.
    return { kind: 'resume' };
  }
  // An attempt that died before its first checkpoint has left nothing of worth.
  if (!(await hasOnlyBegun(folder, ['tensorboard', 'tracking']))) throw foreign(name);
  await rm(folder, { recursive: true, force: true });
  // Threads decide how sums are rounded. With shards it is one, so that neither cores nor workers change the weights.
  const threads = settings.shards > 1 ? 1 : wanted;
  return {
    kind: 'new',
    model: request.model_name,
    ...gameOrigin(request.env_type),
    settings,
    ...(threads !== undefined && { threads }),
    ...(request.onnx && request.onnx.length > 0 && { onnx: request.onnx }),
  };
}

/** In all that both know: a setting may be younger than the run. */
function agree(stored: TrainSettings, wanted: TrainSettings): boolean {
  const plain: Record<string, unknown> = JSON.parse(JSON.stringify(wanted));
  return Object.entries(stored).every(([name, value]) => !(name in plain) || isDeepStrictEqual(value, plain[name]));
}

const foreign = (name: string) =>
  new ServiceError(
    'conflict',
    `The name ${name} is taken by something that this job did not write. Delete that model and resume the job, or start a new one under another name.`,
  );

function lineOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'step': {
      const { step, mean_reward, success_rate, entropy, seconds } = event.metrics;
      const numbers = `mean reward ${mean_reward.toFixed(3)}, success ${(100 * success_rate).toFixed(1)} %, entropy ${entropy.toFixed(3)}`;
      return `step ${step}: ${numbers}, ${seconds.toFixed(1)} s`;
    }
    case 'evaluation': {
      const { success_rate, mean_reward, total_episodes } = event.evaluation;
      const { temperature, sampled } = event;
      const numbers = `success ${(100 * success_rate).toFixed(1)} %, mean reward ${mean_reward.toFixed(3)}`;
      const beside = sampled
        ? `; sampled at temperature ${sampled.sampled_temperature}, ${sampled.sampled_episodes} games of the step: success ${(100 * sampled.sampled_success_rate).toFixed(1)} %`
        : '';
      return `evaluation after step ${event.step} (${total_episodes} games, temperature ${temperature}): ${numbers}${beside}${event.best ? ', the best so far' : ''}`;
    }
    case 'workers':
      return `${event.count} ${event.count === 1 ? 'process shares' : 'processes share'} each update`;
    case 'worker_lost':
      return `a worker was lost: ${event.reason}`;
    case 'warning':
      return `warning: ${event.message}`;
    case 'warm_start':
      return `warm start, step ${event.step} of ${event.steps}: loss ${event.loss.toFixed(3)}`;
    case 'warm_started': {
      const [before, after] = [event.before, event.after].map(
        ({ invalid_rate }) => `${(100 * invalid_rate).toFixed(1)} %`,
      );
      return event.plan
        ? `the model has learned the reply format: ${after} of its replies are invalid, before ${before}`
        : `the model knows the reply format: ${before} of its replies are invalid`;
    }
    case 'checkpoint':
      return `checkpoint of step ${event.step} saved`;
    default:
      return undefined;
  }
}
