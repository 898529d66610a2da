// How jobs run on a server.

import { availableParallelism } from 'node:os';
import type { Device } from '@ludic/runtime';
import type { InferencePool } from '../inference/pool.ts';

export interface JobsOptions {
  readonly dataFolder: string;
  /** Plays the games of evaluations. It is closed after the jobs. */
  readonly pool: Pick<InferencePool, 'evaluateForJob'>;
  readonly device: Device;
  /** Of one model on the CPU. */
  readonly threads?: number;
  readonly maxConcurrent: number;
  /** How long a job may run, over all its attempts. 0: as long as it takes. */
  readonly timeoutMs: number;
  /** How long a process has to save when it is asked to end, before it is killed. */
  readonly graceMs?: number;
  /** Pauses before the attempts that follow a death; the last one also stands for all that come after. */
  readonly backoffMs?: readonly number[];
  /** A process that gives no sign of life for so long is killed. None comes while its network computes. */
  readonly silenceMs?: number;
  /** How long a process waits for one of an earlier attempt that outlived its server. */
  readonly orphanMs?: number;
  /** Jobs that may wait; more are refused. */
  readonly maxQueued?: number;
  /** Jobs of one owner that may run and wait at once; undefined: as many as there is room for. */
  readonly limitsOf?: (owner: string) => { readonly running: number; readonly queued: number } | undefined;
  /** Cores of the machine, which limit `tensor_parallel_size`. */
  readonly cores?: number;
  /** Called for a fault of the server, such as a full disk: work goes on as far as it can. */
  readonly onFault?: (error: unknown) => void;
}

export const DEFAULT_JOBS_OPTIONS: Required<
  Omit<JobsOptions, 'dataFolder' | 'pool' | 'device' | 'threads' | 'maxConcurrent' | 'timeoutMs'>
> = {
  graceMs: 120_000,
  backoffMs: [1000, 5000],
  silenceMs: 30 * 60_000,
  orphanMs: 10 * 60_000,
  maxQueued: 1000,
  limitsOf: () => undefined,
  cores: availableParallelism(),
  onFault: (error) => void process.stderr.write(`jobs: ${(error as Error).stack ?? String(error)}\n`),
};

export type CompleteJobsOptions = JobsOptions & typeof DEFAULT_JOBS_OPTIONS;
