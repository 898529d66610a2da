// Reads a run's folder for lists and comparisons.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { RunFolder } from '@ludic/grpo/node';
import { takeLock } from '@ludic/io/node';

type RunState = 'finished' | 'running' | 'stopped';
type RunLine = Awaited<ReturnType<RunFolder['log']>>[number];
export type StepLine = Extract<RunLine, { type: 'step' }>;
export type EvaluationLine = Extract<RunLine, { type: 'evaluation' }>;

export interface RunReport {
  readonly name: string;
  readonly folder: string;
  readonly config: RunFolder['config'];
  readonly state: RunState;
  readonly steps: readonly StepLine[];
  readonly evaluations: readonly EvaluationLine[];
  readonly best: EvaluationLine | undefined;
}

/** @throws GrpoError `no_run` */
export async function readRun(folder: string): Promise<RunReport> {
  const run = await RunFolder.open(folder);
  const log = await run.log();
  const evaluations = log.filter((line) => line.type === 'evaluation');
  return {
    name: basename(resolve(folder)),
    folder,
    config: run.config,
    state: stateOf(folder),
    steps: log.filter((line) => line.type === 'step'),
    evaluations,
    best: evaluations.findLast(({ best }) => best),
  };
}

/** The runs in a folder, sorted by path; a folder that is a run is the only one. */
export async function readRuns(folder: string): Promise<RunReport[]> {
  const isRun = (path: string) => existsSync(join(path, 'config.json')) && existsSync(join(path, 'checkpoints'));
  if (isRun(folder)) return [await readRun(folder)];
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const paths = names.map(({ name }) => join(folder, name)).filter(isRun);
  return Promise.all(paths.sort().map(readRun));
}

function stateOf(folder: string): RunState {
  const path = join(folder, 'run.lock');
  if (existsSync(path)) {
    const lock = takeLock(path);
    if (!lock) return 'running';
    lock.release();
  }
  return existsSync(join(folder, 'final/config.json')) ? 'finished' : 'stopped';
}

/** A run as JSON; metrics have the keys of metrics.jsonl. */
export function runJson({ name, folder, config, state, steps, evaluations, best }: RunReport): object {
  const rates = (line: EvaluationLine | undefined) =>
    line && {
      step: line.step,
      success_rate: line.success_rate,
      success_ci95: line.success_ci95,
      ...(line.win_rate !== undefined && { win_rate: line.win_rate }),
      mean_reward: line.mean_reward,
    };
  return {
    name,
    folder,
    state,
    env_type: config.settings.environment,
    history_strategy: config.settings.history,
    model: config.model,
    steps_done: steps.at(-1)?.step ?? 0,
    steps: config.settings.steps,
    last: rates(evaluations.at(-1)) ?? null,
    best: rates(best) ?? null,
  };
}
