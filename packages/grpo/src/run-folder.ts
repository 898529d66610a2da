// A run is a folder: config.json, metrics.jsonl, episodes.jsonl, checkpoints/step-NNNNNN/, final/. Whoever has the
// folder has the run. Everything that replaces something is written beside it and renamed.

import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Adapter,
  adapterFiles,
  type Checkpoint,
  type Companions,
  type ExportDtype,
  folderFiles,
  type ModelConfig,
  mergeAdapter,
  onnxFiles,
  readSafetensors,
  safetensorsParts,
  toFloat32,
} from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import type { LanguageModel } from '@ludic/policies';
import type { Evaluation } from '@ludic/rollouts';
import { float32 } from '@ludic/runtime';
import { GrpoError } from './errors.ts';
import type { OptimizerState } from './learner.ts';
import { DEFAULT_TRAINING, type TrainSettings } from './train-settings.ts';

/** What config.json holds: the whole definition of the run. */
export interface RunConfig {
  readonly formatVersion: 1;
  /** Where the first weights came from, for people; a copy is in checkpoints/step-000000. */
  readonly model: string;
  readonly settings: TrainSettings;
  /** Numbers of the graphs under onnx/ in every checkpoint and in final/; none where absent. */
  readonly onnx?: readonly ExportDtype[];
  /** Of one run of the network on the CPU, which decides how sums are rounded; the runtime's own choice where absent. */
  readonly threads?: number;
}

/** The best evaluation so far. */
export interface Best {
  readonly step: number;
  readonly score: number;
}

export interface SavedState {
  readonly step: number;
  readonly optimizer: OptimizerState;
  readonly best: Best | undefined;
}

const stepName = (step: number) => `step-${String(step).padStart(6, '0')}`;

export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;

  private constructor(path: string, config: RunConfig) {
    this.path = path;
    this.config = config;
  }

  /** @throws GrpoError `run_exists` where the folder holds anything */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const present = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new GrpoError('run_exists', `${path} cannot be used for a run: ${error.message}`, { cause: error });
    });
    if (present.length > 0) {
      throw new GrpoError(
        'run_exists',
        `${path} already holds files. Add --resume to go on with that run, or choose another folder.`,
      );
    }
    await mkdir(join(path, 'checkpoints'), { recursive: true });
    await writeAtomically(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
    return new RunFolder(path, config);
  }

  /** @throws GrpoError `no_run` */
  static async open(path: string): Promise<RunFolder> {
    const text = await readFile(join(path, 'config.json'), 'utf8').catch((error: unknown) => {
      throw new GrpoError('no_run', `${path} is no run: it has no config.json. Start one without --resume.`, {
        cause: error,
      });
    });
    let config: RunConfig;
    try {
      config = JSON.parse(text);
    } catch (error) {
      throw new GrpoError('no_run', `${path}/config.json is damaged: it is no JSON.`, { cause: error });
    }
    if (config.formatVersion !== 1 || typeof config.settings !== 'object') {
      throw new GrpoError('no_run', `${path}/config.json does not describe a run of this version.`);
    }
    // A setting that is younger than the run has its default.
    return new RunFolder(path, { ...config, settings: { ...DEFAULT_TRAINING, ...config.settings } });
  }

  checkpointPath(step: number): string {
    return join(this.path, 'checkpoints', stepName(step));
  }

  /** Steps of the whole checkpoints, oldest first. */
  async checkpoints(): Promise<number[]> {
    const names = await readdir(join(this.path, 'checkpoints')).catch(() => []);
    return names
      .filter((name) => /^step-\d{6,}$/.test(name))
      .map((name) => Number(name.slice(5)))
      .sort((a, b) => a - b);
  }

  /** With an adapter the model itself is in the first checkpoint alone; graphs under onnx/ hold both, merged. */
  async saveCheckpoint(model: LanguageModel, companions: Companions, state: SavedState): Promise<void> {
    const { config } = model;
    const { onnx = [] } = this.config;
    const adapter = await hostAdapter(model);
    const adapterAlone = adapter !== undefined && state.step > 0;
    const parameters = adapterAlone && onnx.length === 0 ? {} : await model.parameters.download();
    const files = new Map([
      ...(adapterAlone ? companions : folderFiles(config, parameters, companions)),
      ...(adapter ? adapterFiles(config, this.config.model, adapter) : []),
      ...(onnx.length > 0 ? onnxFiles(config, mergedParameters(config, parameters, adapter), onnx) : []),
    ]);
    const { updates, moments } = state.optimizer;
    const tensors = Object.entries(moments).map(([name, { dims, data }]) => ({
      name,
      dtype: 'F32' as const,
      shape: dims,
      data: bytesOf(data),
    }));
    files.set('optimizer.safetensors', safetensorsParts(tensors, {}));
    files.set('state.json', `${JSON.stringify({ step: state.step, updates, best: state.best })}\n`);
    await writeFilesAtomically(this.checkpointPath(state.step), files, { replace: true });
  }

  async loadState(step: number): Promise<SavedState> {
    const folder = this.checkpointPath(step);
    try {
      const { updates, best } = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8'));
      const { tensors } = readSafetensors(new Uint8Array(await readFile(join(folder, 'optimizer.safetensors'))));
      const moments = Object.fromEntries(
        [...tensors].map(([name, tensor]) => [name, float32(toFloat32(tensor), tensor.shape)]),
      );
      return { step, optimizer: { updates, moments }, best: best ?? undefined };
    } catch (error) {
      throw new GrpoError('bad_checkpoint', `The checkpoint ${folder} cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Removes checkpoints but for the first, the newest two and the best. */
  async prune(best: Best | undefined): Promise<void> {
    const steps = await this.checkpoints();
    for (const step of steps.slice(1, -2)) {
      if (step !== best?.step) await rm(this.checkpointPath(step), { recursive: true, force: true });
    }
  }

  /** Writes the finished model: the weights of the best evaluation, or the last ones; an adapter merged, and beside. */
  async writeFinal(model: LanguageModel, companions: Companions, result: object): Promise<void> {
    const { config } = model;
    const { onnx = [] } = this.config;
    const parameters = await model.parameters.download();
    const adapter = await hostAdapter(model);
    const files = new Map(folderFiles(config, mergedParameters(config, parameters, adapter), companions, { onnx }));
    for (const [name, data] of adapter ? adapterFiles(config, this.config.model, adapter) : []) {
      files.set(`adapter/${name}`, data);
    }
    files.set('result.json', `${JSON.stringify(result, null, 2)}\n`);
    await writeFilesAtomically(join(this.path, 'final'), files, { replace: true });
  }

  async append(file: 'metrics.jsonl' | 'episodes.jsonl', lines: readonly object[]): Promise<void> {
    if (lines.length > 0)
      await appendFile(join(this.path, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  /** The evaluation after a step, where metrics.jsonl has one. */
  async evaluationAt(step: number): Promise<Evaluation | undefined> {
    const text = await readFile(join(this.path, 'metrics.jsonl'), 'utf8').catch(() => '');
    for (const line of text.trimEnd().split('\n').reverse()) {
      if (!line.includes('"type":"evaluation"')) continue;
      const { type: _, step: at, best: __, seconds: ___, ...evaluation } = JSON.parse(line);
      if (at === step) return evaluation;
    }
    return undefined;
  }

  /** Cuts the logs back to what belongs to the first `step` steps, a half-written last line included. */
  async rewind(step: number): Promise<void> {
    for (const file of ['metrics.jsonl', 'episodes.jsonl'] as const) {
      const path = join(this.path, file);
      const text = await readFile(path).catch(() => undefined);
      if (text) await truncate(path, lengthUpTo(text, step));
    }
  }
}

async function hostAdapter({ adapter }: LanguageModel): Promise<Adapter | undefined> {
  return adapter && { config: adapter.config, parameters: await adapter.parameters.download() };
}

const mergedParameters = (config: ModelConfig, parameters: Checkpoint['parameters'], adapter: Adapter | undefined) =>
  adapter ? mergeAdapter(config, parameters, adapter) : parameters;

/** Bytes of the whole lines whose `step` is at most `step`; lines are in the order of their steps. */
function lengthUpTo(text: Uint8Array, step: number): number {
  let end = 0;
  for (;;) {
    const next = text.indexOf(10, end);
    if (next < 0) return end;
    let line: { step?: number };
    try {
      line = JSON.parse(Buffer.from(text.subarray(end, next)).toString());
    } catch {
      return end;
    }
    if (line.step === undefined || line.step > step) return end;
    end = next + 1;
  }
}

async function writeAtomically(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { flush: true });
  await rename(`${path}.new`, path);
}

const bytesOf = (data: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
