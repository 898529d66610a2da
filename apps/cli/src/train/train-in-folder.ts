// Trains in a run folder: shows progress, saves at Ctrl-C, and reports the end.

import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { gigabytes } from '@ludic/grpo/internal';
import { peakMemory, processMemory, RunFolder, type RunStart, runTraining, STEP_TIMEOUT } from '@ludic/grpo/node';
import type { ModelFiles } from '@ludic/models';
import type { TrackingSettings } from '@ludic/tracking';
import { natsOf } from '../cluster/nats-option.ts';
import { openFiles } from '../models/open.ts';
import { type DeviceOption, openRuntime } from '../options/device.ts';
import { namedCallbacks } from '../options/plugins.ts';
import { watchGames } from '../options/step-timeout.ts';
import { LiveView } from './live-view.ts';
import { trackerOf } from './tracking.ts';

/** Seconds. Even a shard of a large model is done sooner; a process that hangs is rare. */
export const WORKER_TIMEOUT = 3600;

export interface Machine {
  readonly json?: boolean;
  readonly device?: DeviceOption;
  readonly threads?: number;
  readonly workers?: number;
  /** Seconds. */
  readonly workerTimeout?: number;
  /** URL of the server where workers of other machines take the shards. */
  readonly nats?: string;
  /** Longest time of one call of a game in seconds; 0: no limit. */
  readonly stepTimeout?: number;
  readonly tracking?: TrackingSettings;
}

/**
 * What of a run decides how its numbers are rounded. With shards it computes with one thread unless another number is
 * asked for: then the weights do not depend on how many cores or workers there are.
 */
async function roundingOf(start: RunStart, out: string, { threads: wanted, nats }: Machine) {
  if (start.kind === 'new') {
    const { precision, shards } = start.settings;
    return { precision, threads: wanted ?? (shards > 1 || nats !== undefined ? 1 : undefined) };
  }
  // With other machines a number must be said: they have other cores.
  const { settings, threads = wanted ?? (nats === undefined ? undefined : 1) } = (await RunFolder.open(out)).config;
  return { precision: settings.precision, threads };
}

/** Hands the shards of the run to workers at a NATS server. */
async function workersAt(nats: string, folder: string) {
  const { natsShards } = await import('@ludic/cluster/node');
  return natsShards({ nats: await natsOf(nats), folder, newName: randomUUID });
}

/** Trains to the end, or until Ctrl-C. */
export async function trainInFolder(given: RunStart, out: string, machine: Machine) {
  const { json, device = 'cpu', workers, nats, workerTimeout = WORKER_TIMEOUT, stepTimeout = STEP_TIMEOUT } = machine;
  const say = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`);
  watchGames(stepTimeout, `Nothing that was saved is lost; go on with: npm run ludic -- train --out ${out} --resume`);
  const { precision, threads } = await roundingOf(given, out, machine);
  const start: RunStart = given.kind === 'new' && threads !== undefined ? { ...given, threads } : given;
  // Before Ctrl-C gets another meaning: during a download it ends the program.
  const opened = new Map<string, ModelFiles>();
  const names = start.kind === 'new' ? [start.model, start.reference] : [];
  for (const name of names) if (name !== undefined) opened.set(name, await openFiles(name));
  const elsewhere = nats === undefined ? undefined : await workersAt(nats, out);
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nSaving; press Ctrl-C again to stop at once.\n');
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const view = new LiveView(json ? process.stderr : process.stdout);
  const tracker = trackerOf(out, machine.tracking ?? {}, (line) => view.note(line));
  try {
    const runtime = await openRuntime(device, threads, precision);
    const result = await runTraining(start, {
      folder: out,
      runtime,
      openFiles: async (name) => opened.get(name) ?? openFiles(name),
      signal: controller.signal,
      callbacks: namedCallbacks(),
      onEvent: (event) => {
        view.show(event);
        tracker?.on(event);
      },
      memory: processMemory(),
      ...((workers !== undefined || elsewhere) && {
        workers: {
          count: workers ?? 1,
          cores: availableParallelism(),
          ...(elsewhere && { elsewhere }),
          runtime: { device: runtime.device, float16: precision === 'float16', threads },
          timeoutSeconds: workerTimeout,
          stepTimeoutSeconds: stepTimeout,
        },
      }),
    }).catch(async (error: unknown) => {
      await tracker?.end('failed');
      throw error;
    });
    view.close();
    if (result.status === 'finished' && result.reason !== undefined) say(result.reason);
    await tracker?.end(result.status === 'stopped' ? 'failed' : result.status);
    if (result.status === 'interrupted')
      say(`Stopped after step ${result.step}. Go on with: npm run ludic -- train --out ${out} --resume`);
    else if (result.status === 'stopped') {
      say(
        `Stopped by a watchdog after step ${result.step}: ${out}/final holds the model of step ${result.best?.step ?? 0}.`,
      );
      say(`To go on all the same: npm run ludic -- train --out ${out} --resume`);
    } else if (result.best)
      say(`Done: ${out}/final holds the model of step ${result.best.step}, the best in evaluation.`);
    const peak = result.peakMemory ?? peakMemory();
    say(`Peak memory ${gigabytes(peak)}.`);
    if (json) {
      console.log(
        JSON.stringify({
          status: result.status,
          reason: result.reason,
          out,
          steps: result.step,
          best_step: result.best?.step ?? null,
          results: result.evaluation ?? null,
          peak_memory_bytes: peak,
        }),
      );
    }
    return result;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
