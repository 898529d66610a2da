// Finds what can be published in a folder: the model, and the run that trained it.

import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readLogLine } from '@ludic/grpo';
import type { Best, RunConfig } from '@ludic/grpo/node';
import { UsageError } from '../failure.ts';
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
  const own = await readRunConfig(path);
  const parent = !own && basename(path) === 'final' ? await readRunConfig(dirname(path)) : undefined;
  const model = own ? join(path, 'final') : path;
  const text = await readFile(join(model, 'config.json'), 'utf8').catch(() => undefined);
  if (text === undefined && own)
    throw new UsageError(`${folder} is a run without a final model. Finish it with train --out ${folder} --resume.`);
  if (text === undefined) throw new UsageError(`${folder} is neither a run nor a model folder: it has no config.json.`);
  const config = own ?? parent;
  const modelType = String((parse(text) as { model_type?: unknown } | undefined)?.model_type ?? 'unknown');
  if (!config) return { model, modelType, run: undefined };
  const result = await readResult(model);
  const of = result?.best === undefined ? '' : `, of step ${result.best.step}`;
  const told = result?.stopped ?? `The final model of the run is taken${of}.`;
  return { model, modelType, run: await readRun(dirname(model), config, result?.best), told };
}

/** @param model the final model of a run */
async function readResult(model: string): Promise<{ readonly best?: Best; readonly stopped?: string } | undefined> {
  return parse(await readFile(join(model, 'result.json'), 'utf8').catch(() => '')) as Awaited<
    ReturnType<typeof readResult>
  >;
}

async function readRunConfig(folder: string): Promise<RunConfig | undefined> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '');
  const config = parse(text) as RunConfig | undefined;
  return config?.formatVersion === 1 && typeof config.settings === 'object' ? config : undefined;
}

async function readRun(folder: string, config: RunConfig, best: Best | undefined): Promise<TrainedIn> {
  const text = await readFile(join(folder, 'metrics.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').map(readLogLine);
  const steps = lines.filter((line) => line?.type === 'step');
  const evaluations = lines.filter((line) => line?.type === 'evaluation');
  const evaluation = evaluations.find(({ step }) => step === best?.step) ?? evaluations.at(-1);
  return { config, steps, ...(evaluation && { evaluation }) };
}

/** @returns undefined where the text is no JSON */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
