// What the dead have left: the list of jobs, every checkpoint, and whether what was completed is what it would have been.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { curveOf, finalWeights } from '../../apps/server/testing/jobs.ts';
import { RunFolder } from '../../packages/grpo/src/node.ts';
import { openLanguageModel } from '../../packages/inference/src/index.ts';
import { openModelFolder } from '../../packages/models/src/node.ts';
import { createRuntime } from '../../packages/runtime/src/node.ts';
import type { Job } from '../../packages/service/src/index.ts';

export interface Examined {
  readonly faults: readonly string[];
  /** Models that were opened, finished ones and checkpoints. */
  readonly opened: number;
  /** Completed runs whose weights and curve were compared with those of an undisturbed run. */
  readonly compared: number;
  /** Evaluations whose results were compared with each other. */
  readonly evaluations: number;
}

/** @param undisturbed which undisturbed run a run must equal */
export async function examine(
  data: string,
  jobs: readonly Job[],
  accepted: ReadonlySet<string>,
  undisturbed: (name: string) => string,
): Promise<Examined> {
  const faults: string[] = [];
  const known = new Set(jobs.map(({ job_id }) => job_id));
  for (const id of accepted) if (!known.has(id)) faults.push(`${id} was accepted and is lost`);
  for (const { job_id, status, reason } of jobs) {
    if (status === 'completed' || status === 'running') continue;
    if (status !== 'failed' || !reason) faults.push(`${job_id} is ${status} with the reason ${reason}`);
  }
  const database = new DatabaseSync(join(data, 'ludic.db'));
  const [verdict] = Object.values(database.prepare('PRAGMA integrity_check').get()!);
  if (verdict !== 'ok') faults.push(`the list of jobs: ${verdict}`);
  database.close();
  const opened = await openAll(join(data, 'models'), faults);
  const completed = jobs.filter(({ status }) => status === 'completed');
  let compared = 0;
  for (const { job_id, output_dir: name } of completed) {
    if (name === null || undisturbed(name) === name) continue;
    compared++;
    const whole = undisturbed(name);
    if (!(await finalWeights(data, name)).equals(await finalWeights(data, whole)))
      faults.push(`${job_id} has other weights than ${whole}`);
    if (JSON.stringify(await curveOf(data, name)) !== JSON.stringify(await curveOf(data, whole)))
      faults.push(`${job_id} has another curve than ${whole}`);
  }
  const results = completed.filter(({ kind }) => kind === 'evaluate').map(({ result }) => JSON.stringify(result));
  if (new Set(results).size > 1) faults.push('evaluations of one model in one game differ');
  return { faults, opened, compared, evaluations: results.length };
}

async function openAll(models: string, faults: string[]): Promise<number> {
  const runtime = await createRuntime({ device: 'cpu', threads: 1 });
  let opened = 0;
  for (const name of await readdir(models)) {
    if (name.startsWith('.')) continue;
    const folder = join(models, name);
    const run = await RunFolder.open(folder).catch(() => undefined);
    // A job that failed before its first moment may have left less.
    if (!run) continue;
    const steps = await run.checkpoints();
    const final = (await readdir(folder)).includes('final') ? [join(folder, 'final')] : [];
    for (const place of [...steps.map((step) => run.checkpointPath(step)), ...final]) {
      try {
        await openLanguageModel(await openModelFolder(place), runtime);
        opened++;
      } catch (error) {
        faults.push(`${place} does not open: ${(error as Error).message}`);
      }
    }
    for (const step of steps)
      await run.loadState(step).catch((error: Error) => faults.push(`${name}, step ${step}: ${error.message}`));
  }
  return opened;
}
