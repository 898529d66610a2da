// Training as a job: a new run, or the one that an earlier attempt left.

import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { processMemory, type RunEvent, RunFolder, type RunStart, runTraining } from '@ludic/grpo/node';
import { createRuntime } from '@ludic/runtime/node';
import { evaluationResults, requestedTraining } from '@ludic/service';
import { isTracked } from '@ludic/tracking';
import { RunTracker } from '@ludic/tracking/node';
import { ModelStore } from '../../models/model-store.ts';
import { openFiles } from '../../models/open-model.ts';
import { requestedTracking, surroundings } from '../tracking.ts';
import type { JobContext, JobEnd } from './context.ts';
import type { JobRequest } from './messages.ts';

/** Even a shard of a large model is done sooner; a process that hangs is rare. */
const WORKER_TIMEOUT_S = 3600;

export async function trainJob(
  { request, outputDir, workers }: Extract<JobRequest, { kind: 'train' }>,
  { dataFolder, device, threads, signal, send, say }: JobContext,
): Promise<JobEnd> {
  const store = await ModelStore.open(dataFolder);
  const folder = store.folderOf(outputDir);
  const start = await startOf(folder, request);
  say(
    start.kind === 'resume'
      ? 'Going on from the last checkpoint.'
      : `Training ${request.model_name} in ${request.env_type}.`,
  );
  const settings = start.kind === 'new' ? start.settings : (await RunFolder.open(folder)).config.settings;
  // Threads decide how sums are rounded. With shards it is one, so that neither cores nor workers change the weights.
  const runtimeOptions = {
    device,
    float16: settings.precision === 'float16',
    ...(settings.shards > 1 ? { threads: 1 } : threads !== undefined && { threads }),
  };
  const tracking = requestedTracking(request);
  const tracker = isTracked(tracking)
    ? new RunTracker({ run: folder, settings: tracking, environment: process.env, surroundings, say })
    : undefined;
  const result = await runTraining(start, {
    folder,
    runtime: await createRuntime(runtimeOptions),
    workers: {
      count: workers,
      cores: availableParallelism(),
      runtime: runtimeOptions,
      timeoutSeconds: WORKER_TIMEOUT_S,
    },
    openFiles: async (name) => openFiles(await store.resolve(name)),
    clock: () => performance.now(),
    signal,
    memory: processMemory(),
    onEvent: (event) => {
      tracker?.on(event);
      tell(event, say);
      if (event.type === 'step' || event.type === 'evaluation') send({ type: 'curve' });
      if (event.type === 'checkpoint') send({ type: 'checkpoint', step: event.step });
      if (event.type === 'warning') send({ type: 'warning', message: event.message, step: event.step });
    },
  }).catch(async (error: unknown) => {
    await tracker?.end('failed');
    throw error;
  });
  await tracker?.end(result.status);
  if (result.status === 'interrupted') return { status: 'interrupted', result: null };
  const { best, evaluation, step } = result;
  return {
    status: 'finished',
    result: {
      model: outputDir,
      steps: step,
      best_step: best?.step ?? null,
      ...(evaluation && { evaluation: evaluationResults(evaluation) }),
    },
  };
}

async function startOf(folder: string, request: Parameters<typeof requestedTraining>[0]): Promise<RunStart> {
  const run = await RunFolder.open(folder).catch(() => undefined);
  if (run && (await run.checkpoints()).length > 0) return { kind: 'resume' };
  // An attempt that died before its first checkpoint has left nothing of worth.
  await rm(folder, { recursive: true, force: true });
  return {
    kind: 'new',
    model: request.model_name,
    settings: requestedTraining(request),
    ...(request.onnx && request.onnx.length > 0 && { onnx: request.onnx }),
  };
}

function tell(event: RunEvent, say: (line: string) => void): void {
  const line = lineOf(event);
  if (line !== undefined) say(line);
}

function lineOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'step': {
      const { step, reward, successRate, entropy } = event.metrics;
      const numbers = `reward ${reward.toFixed(3)}, success ${(100 * successRate).toFixed(1)} %, entropy ${entropy.toFixed(3)}`;
      return `step ${step}: ${numbers}, ${event.seconds.toFixed(1)} s`;
    }
    case 'evaluation': {
      const { success, meanReward } = event.evaluation;
      const numbers = `success ${(100 * success.rate).toFixed(1)} %, mean reward ${meanReward.toFixed(3)}`;
      return `evaluation after step ${event.step}: ${numbers}${event.best ? ', the best so far' : ''}`;
    }
    case 'workers':
      return `${event.count} ${event.count === 1 ? 'process shares' : 'processes share'} each update`;
    case 'worker_lost':
      return `a worker was lost: ${event.reason}`;
    case 'warning':
      return `warning: ${event.message}`;
    case 'checkpoint':
      return `checkpoint of step ${event.step} saved`;
    default:
      return undefined;
  }
}
