// A whole run in a folder of this machine, its updates shared by processes where that is wanted.

import { totalmem } from 'node:os';
import { gameFiles } from '@ludic/environments/node';
import { trainedParameters } from '@ludic/inference/internal';
import type { ModelFiles } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import type { NodeRuntimeOptions } from '@ludic/runtime/node';
import { GrpoError } from '../../errors.ts';
import { pluginFiles } from '../../plugins/node/plugin-files.ts';
import { pluggedIn } from '../../plugins/plugin.ts';
import type { TrainSettings } from '../../settings/train-settings.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../workers/node/worker-pool.ts';
import { trainRun } from '../run.ts';
import type {
  ProcessMemory,
  RunEvent,
  RunResult,
  RunStart,
  SharedUpdates,
  TrainRunOptions,
  Workers,
} from '../run-options.ts';
import { folderStorage, holdRun } from './run-folder.ts';

/** Seconds. No turn of a text game takes as long. */
export const STEP_TIMEOUT = 60;

/** `TrainRunOptions` for a run in a folder: storage, clock and model files have defaults of Node. */
export interface RunOptions extends Omit<TrainRunOptions, 'storage' | 'workers' | 'clock' | 'openFiles'> {
  /** Path of the run: new or empty where the run is new. */
  readonly folder: string;
  /** Milliseconds of any steady clock. Default: that of Node. */
  readonly clock?: () => number;
  /** Finds the files of the model that a new run starts from. Default: `model` is a folder. */
  readonly openFiles?: (model: string) => Promise<ModelFiles>;
  /** Several processes for every update, where it has several shards. */
  readonly workers?: WorkerOptions;
}

/**
 * Processes that share each update by playing and differentiating its shards. How many there are changes the speed
 * alone: the weights are the same, bit for bit.
 */
export interface WorkerOptions extends Omit<Workers, 'make' | 'elsewhere'> {
  /** As the run's own runtime was made: threads decide how sums are rounded. */
  readonly runtime: NodeRuntimeOptions;
  /** A worker that has not answered for so long is started again. */
  readonly timeoutSeconds: number;
  /** Longest time in one call of a game; a worker that takes longer is ended, with the game's name. Default 60; 0: for ever. */
  readonly stepTimeoutSeconds?: number;
  /** Hands the shards to workers of other machines instead. */
  readonly elsewhere?: (given: ElsewhereOptions) => SharedUpdates;
}

/** What is made known to those that share the updates of a run. */
export interface ElsewhereOptions extends Omit<WorkerPoolOptions, 'count' | 'onEvent'> {
  readonly onEvent?: ((event: RunEvent) => unknown) | undefined;
}

/** @throws GrpoError, `run_busy` where another process works on the run */
export function runTraining(start: RunStart, { folder, workers, ...options }: RunOptions): Promise<RunResult> {
  const onEvent = options.onEvent && eventQueue(options.onEvent);
  return holdRun(folder, start.kind, () =>
    trainRun(start, {
      openFiles: openModelFolder,
      clock: () => Number(process.hrtime.bigint()) / 1e6,
      ...options,
      onEvent,
      storage: folderStorage(folder),
      workers: workers && {
        ...workers,
        elsewhere: workers.elsewhere !== undefined,
        make: (count, model, settings, { first, reference }) => {
          assertForWorkers(settings);
          const given = {
            setup: {
              model: `${folder}/${first}`,
              ...(reference !== undefined && { reference: `${folder}/${reference}` }),
              games: gameFiles(),
              plugins: pluginFiles().map(({ path, program }) => ({ path, program })),
              settings,
              runtime: workers.runtime,
              stepTimeoutSeconds: workers.stepTimeoutSeconds ?? STEP_TIMEOUT,
            },
            weights: trainedParameters(model),
            timeoutSeconds: workers.timeoutSeconds,
            onEvent,
          };
          return workers.elsewhere ? workers.elsewhere(given) : new WorkerPool({ count, ...given });
        },
      },
    }),
  );
}

/**
 * Workers load what is in files, and know nothing else of what a program has registered.
 * @throws GrpoError `bad_plugin`
 */
export function assertForWorkers(settings: TrainSettings): void {
  const alone = pluggedIn(settings, {}).find(({ kind, file }) => kind !== 'advantages' && file === undefined);
  if (!alone) return;
  throw new GrpoError(
    'bad_plugin',
    `The ${alone.kind} ${alone.name} is known to this process alone: put it into a file, load that with loadPlugin, or train without workers.`,
  );
}

/**
 * Events of a run and of its workers, emitted one after the other: a listener that takes its time holds up the run, and one
 * that fails ends it.
 * @returns emits an event after all before it; rejects for good once the listener has failed
 */
export function eventQueue(listener: (event: RunEvent) => unknown): (event: RunEvent) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (event) => {
    last = last.then(async () => {
      await listener(event);
    });
    // Workers do not wait: their failure rejects the next event of the run itself.
    last.catch(() => {});
    return last;
  };
}

/** What this process may have and has had. Limits that the system sets for a group of processes, such as a container, count as the machine's own. */
export function processMemory(): ProcessMemory {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  const limit = constrained > 0 ? Math.min(total, constrained) : total;
  const available = Math.min(limit, process.availableMemory() + process.memoryUsage.rss());
  return { limit, available, peak: peakMemory };
}

/** Bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;
