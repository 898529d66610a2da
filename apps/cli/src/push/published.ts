// Finds what can be published in a folder: the model, and the run that trained it.

import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Best } from '@ludic/grpo/node';
import { parseObject } from '@ludic/io';
import { UsageError } from '../failure.ts';
import { readRun } from '../runs/read-run.ts';
import { isRun } from '../runs/run-model.ts';
import type { TrainedIn } from './model-card.ts';

interface Publishable {
  /** The folder of the model. */
  readonly model: string;
  /** `model_type` of its config.json. */
  readonly modelType: string;
  readonly run: TrainedIn | undefined;
  /** A sentence that says which model of the run it is. */
  readonly told?: string;
}

/** @param folder a run, its `final`, or any model folder */
export async function findPublishable(folder: string): Promise<Publishable> {
  const path = resolve(folder);
  const isWholeRun = await isRun(path);
  const model = isWholeRun ? join(path, 'final') : path;
  const config = await readJson<{ model_type?: unknown }>(join(model, 'config.json'));
  if (config === undefined && isWholeRun)
    throw new UsageError(`${folder} is a run without a final model. Finish it with train --out ${folder} --resume.`);
  if (config === undefined)
    throw new UsageError(`${folder} is neither a run nor a model folder: it has no config.json.`);
  const modelType = String(config.model_type ?? 'unknown');
  const isOfRun = isWholeRun || (basename(path) === 'final' && (await isRun(dirname(path))));
  if (!isOfRun) return { model, modelType, run: undefined };
  const result = await readJson<{ best?: Best; stopped?: string }>(join(model, 'result.json'));
  const step = result?.best?.step;
  const { config: trained, steps, evaluations } = await readRun(dirname(model));
  const evaluation = evaluations.find((line) => line.step === step) ?? evaluations.at(-1);
  return {
    model,
    modelType,
    run: { config: trained, steps, ...(evaluation && { evaluation }) },
    told: result?.stopped ?? `The final model of the run is taken${step === undefined ? '' : `, of step ${step}`}.`,
  };
}

/** @returns undefined where there is no such file, and `{}` where it is no JSON */
async function readJson<T extends object>(path: string): Promise<Partial<T> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : ((parseObject(text) ?? {}) as Partial<T>);
}
