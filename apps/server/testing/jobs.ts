// For tests of jobs: small requests, data folders, and waiting for what must come.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ENDPOINTS,
  type EvaluatePolicy,
  evaluatePolicy,
  type Job,
  type StartTraining,
  startTraining,
} from '@ludic/service';
import { InferencePool } from '../src/inference/pool.ts';
import { type Jobs, openJobs } from '../src/jobs/jobs.ts';
import type { JobsOptions } from '../src/jobs/options.ts';

/** A training of a few seconds at most, that saves after every update. */
export function smallTraining(name: string, more: Partial<StartTraining> = {}): StartTraining {
  return startTraining.parse({
    model_name: 'nano',
    env_type: 'tic_tac_toe',
    output_dir: name,
    learning_rate: 1e-3,
    batch_size: 16,
    group_size: 8,
    max_steps: 4,
    max_completion_length: 4,
    tensor_parallel_size: 1,
    eval_every: 2,
    eval_episodes: 16,
    save_every: 1,
    seed: 3,
    ...more,
  });
}

export function smallEvaluation(more: Partial<EvaluatePolicy> = {}): EvaluatePolicy {
  return evaluatePolicy.parse({ model_path: 'nano', env_type: 'tic_tac_toe', eval_episodes: 20, async: true, ...more });
}

/** Data folders that are removed again, with whatever works on them. */
export class Bench {
  readonly #folders: string[] = [];
  readonly #open: { readonly jobs: Jobs; readonly pool: InferencePool }[] = [];

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'ludic-jobs-'));
    this.#folders.push(folder);
    return folder;
  }

  async open(dataFolder: string, more: Partial<JobsOptions> = {}): Promise<Jobs> {
    const options = { device: 'cpu', threads: 1, maxConcurrent: 1, timeoutMs: 0, graceMs: 20_000 } as const;
    const pool = more.pool instanceof InferencePool ? more.pool : new InferencePool({ threads: 1 });
    const jobs = await openJobs({ dataFolder, backoffMs: [10], ...options, ...more, pool });
    this.#open.push({ jobs, pool });
    return jobs;
  }

  async clear(): Promise<void> {
    const open = this.#open.splice(0);
    await Promise.all(open.map(({ jobs }) => jobs.stop()));
    await Promise.all(open.map(({ pool }) => pool.close()));
    await Promise.all(this.#folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

export async function until<T>(what: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    await sleep(5);
  }
}

/** The job when it has ended, or waits again. */
export async function ended(jobs: Jobs, id: string): Promise<Job> {
  for await (const _ of jobs.events(id, 0, new AbortController().signal)) {
    // Until there are no more.
  }
  return jobs.get(id);
}

/** The curve as clients get it. */
export const metricsOf = async (jobs: Jobs, id: string, after: number) =>
  ENDPOINTS.jobMetrics.answers[200].parse(JSON.parse(Buffer.concat(await jobs.metrics(id, after)).toString()));

export const finalWeights = (dataFolder: string, name: string) =>
  readFile(join(dataFolder, 'models', name, 'final', 'model.safetensors'));

/** Numbers of a run that neither the clock nor the machine decides. */
export async function curveOf(dataFolder: string, name: string): Promise<object[]> {
  const text = await readFile(join(dataFolder, 'models', name, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds: _, tokens_per_second: __, peak_memory: ___, ...rest } = JSON.parse(line);
      return rest;
    });
}
