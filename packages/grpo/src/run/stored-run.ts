// A run is a folder: config.json, metrics.jsonl, episodes.jsonl, checkpoints/step-NNNNNN/, final/. The
// folder is the whole run, wherever it lies.

import type { LanguageModel } from '@ludic/inference';
import { parseObject, wholeLines } from '@ludic/io';
import {
  type Adapter,
  adapterFiles,
  type BaseBits,
  type Checkpoint,
  completeTokenizerFiles,
  type ExportDtype,
  type FolderFiles,
  folderFiles,
  type ModelConfig,
  mergeAdapter,
  readAdapter,
  readCheckpoint,
  readSafetensors,
  type TokenizerFiles,
  toFloat32,
} from '@ludic/models';
import { floatParameters, onnxFiles, safetensorsParts } from '@ludic/models/internal';
import type { Evaluation } from '@ludic/rollouts';
import { float32 } from '@ludic/runtime';
import { GrpoError } from '../errors.ts';
import type { OptimizerState } from '../optimizer/adamw.ts';
import type { PluggedIn } from '../plugins/plugin.ts';
import { changedSettings, type RecordedChange, recordOf, type SettingsChange } from '../settings/changes.ts';
import { settingsFromJson, settingsToJson } from '../settings/convert.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import { NOTHING_WATCHED, type WatchState } from '../watchdogs/state.ts';
import { evaluationOf, type LogLine, readLogLine } from './metrics-log.ts';
import type { RunStorage } from './run-storage.ts';

/** A file of games, as it was when a run began. */
export interface RunGame {
  readonly file: string;
  /** Of its text, without what it imports. */
  readonly sha256: string;
}

/** What config.json holds: the whole definition of the run. */
export interface RunConfig {
  readonly formatVersion: 1;
  /** Where the first weights came from, for people; a copy is in checkpoints/step-000000. */
  readonly model: string;
  /** Where the weights of the reference policy came from, for people; a copy is in reference/. Absent: the first model. */
  readonly reference?: string;
  /** Where the code of its game came from, for people, where that is a file of its own. */
  readonly game?: RunGame;
  /** What of it is the user's own; it is not resumed without. */
  readonly plugins?: readonly PluggedIn[];
  /** Those of now. */
  readonly settings: TrainSettings;
  /** What was changed on the way, oldest first. */
  readonly changes?: readonly RecordedChange[];
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
  readonly watched: WatchState;
  /** Why a callback has ended the run with this step. */
  readonly ending: string | undefined;
}

/** Where the reference policy lies in its run, if it is another than the first model. */
export const REFERENCE_FOLDER = 'reference';

/** Where the checkpoint of a step lies in its run. */
export const checkpointFolder = (step: number) => `checkpoints/step-${String(step).padStart(6, '0')}`;

/** @throws GrpoError `run_exists` where the place holds anything */
export async function createRun(storage: RunStorage, config: RunConfig): Promise<StoredRun> {
  const present = await storage.names('').catch((error: Error) => {
    throw new GrpoError('run_exists', `${storage.place} cannot be used for a run: ${error.message}`, { cause: error });
  });
  if (present.length > 0) {
    throw new GrpoError(
      'run_exists',
      `${storage.place} already holds files. Add --resume to go on with that run, or choose another folder.`,
    );
  }
  await writeRunConfig(storage, config);
  return new StoredRun(storage, config);
}

const writeRunConfig = (storage: RunStorage, config: RunConfig): Promise<void> =>
  storage.write(
    'config.json',
    `${JSON.stringify({ ...config, settings: settingsToJson(config.settings) }, null, 2)}\n`,
  );

/** @throws GrpoError `no_run` */
export const openRun = async (storage: RunStorage): Promise<StoredRun> =>
  new StoredRun(storage, await readRunConfig(storage));

/** @throws GrpoError `no_run` */
export async function readRunConfig(storage: RunStorage): Promise<RunConfig> {
  const none = (why: string, cause?: unknown) => new GrpoError('no_run', `${storage.place}${why}`, { cause });
  const bytes = await storage.read('config.json').catch((error: unknown) => error as Error);
  if (!(bytes instanceof Uint8Array))
    throw none(' is no run: it has no config.json. Start one without --resume.', bytes);
  let config: RunConfig;
  try {
    config = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw none('/config.json is damaged: it is no JSON.', error);
  }
  if (config?.formatVersion !== 1 || typeof config.settings !== 'object')
    throw none('/config.json does not describe a run of this version.');
  return { ...config, settings: settingsFromJson(config.settings ?? {}) };
}

/**
 * A run as its files tell it: settings, checkpoints, logs. It reads and writes them and trains nothing itself. Steps
 * are optimizer batches; step 0 is the model before training. Methods reject with what the storage rejects with.
 */
export class StoredRun {
  readonly storage: RunStorage;
  readonly config: RunConfig;

  constructor(storage: RunStorage, config: RunConfig) {
    this.storage = storage;
    this.config = config;
  }

  /** The run under other settings from a step on. @throws GrpoError `bad_setting` */
  async changed(step: number, change: SettingsChange): Promise<StoredRun> {
    const { settings, changes = [] } = this.config;
    const record = recordOf(settings, change, step);
    if (!record) return this;
    const next = changedSettings(settings, change);
    checkSettings(next);
    const config = { ...this.config, settings: next, changes: [...changes, record] };
    await writeRunConfig(this.storage, config);
    return new StoredRun(this.storage, config);
  }

  /** Steps of the whole checkpoints, oldest first. */
  async checkpoints(): Promise<number[]> {
    const names = await this.storage.names('checkpoints').catch(() => []);
    return names
      .filter((name) => /^step-\d{6,}$/.test(name))
      .map((name) => Number(name.slice(5)))
      .sort((a, b) => a - b);
  }

  /** With an adapter the model itself is in the first checkpoint alone; graphs under onnx/ hold both, merged. */
  async saveCheckpoint(model: LanguageModel, tokenizerFiles: TokenizerFiles, state: SavedState): Promise<void> {
    const { config } = model;
    const { onnx = [] } = this.config;
    const adapter = await hostAdapter(model);
    const adapterAlone = adapter !== undefined && state.step > 0;
    const parameters = adapterAlone && onnx.length === 0 ? {} : await hostParameters(model);
    const files = new Map([
      ...(adapterAlone ? tokenizerFiles : folderFiles(config, parameters, tokenizerFiles)),
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
    files.set(
      'state.json',
      `${JSON.stringify({ step: state.step, updates, best: state.best, watched: state.watched, ending: state.ending })}\n`,
    );
    await this.storage.writeFolder(checkpointFolder(state.step), files);
  }

  /** The weights of the reference policy. */
  saveReference({ config, parameters }: Pick<Checkpoint, 'config' | 'parameters'>, baseBits?: BaseBits): Promise<void> {
    const whole = floatParameters(parameters, config, baseBits);
    return this.storage.writeFolder(REFERENCE_FOLDER, folderFiles(config, whole, new Map()));
  }

  /** The model of a checkpoint that holds an adapter alone: the first one's, with the adapter worked in. */
  async mergedModel(step: number): Promise<FolderFiles> {
    const { storage } = this;
    const first = await storage.open(checkpointFolder(0), 'model');
    const { config, parameters } = await readCheckpoint(first);
    const adapter = await readAdapter(await storage.open(checkpointFolder(step), 'adapter'), config);
    return folderFiles(config, mergedParameters(config, parameters, adapter), await completeTokenizerFiles(first));
  }

  /** Optimizer moments and what the watchdogs knew, as of a step. @throws GrpoError `bad_checkpoint` */
  async loadState(step: number): Promise<SavedState> {
    const folder = checkpointFolder(step);
    const read = async (name: string) => {
      const bytes = await this.storage.read(`${folder}/${name}`);
      if (!bytes) throw new Error(`it has no ${name}.`);
      return bytes;
    };
    try {
      const {
        updates,
        best,
        watched = NOTHING_WATCHED,
        ending,
      } = JSON.parse(new TextDecoder().decode(await read('state.json')));
      const { tensors } = readSafetensors(await read('optimizer.safetensors'));
      const moments = Object.fromEntries(
        [...tensors].map(([name, tensor]) => [name, float32(toFloat32(tensor), tensor.shape)]),
      );
      return { step, optimizer: { updates, moments }, best: best ?? undefined, watched, ending };
    } catch (error) {
      const path = `${this.storage.place}/${folder}`;
      throw new GrpoError('bad_checkpoint', `The checkpoint ${path} cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Removes checkpoints but for the first, the newest two and the best. */
  async prune(best: Best | undefined): Promise<void> {
    const steps = await this.checkpoints();
    for (const step of steps.slice(1, -2)) {
      if (step !== best?.step) await this.storage.removeFolder(checkpointFolder(step));
    }
  }

  /** Writes the finished model: the weights of the best evaluation, or the last ones; an adapter merged, and beside. */
  async writeFinal(model: LanguageModel, tokenizerFiles: TokenizerFiles, result: object): Promise<void> {
    const { config } = model;
    const { onnx = [] } = this.config;
    const parameters = await hostParameters(model);
    const adapter = await hostAdapter(model);
    const files = new Map(folderFiles(config, mergedParameters(config, parameters, adapter), tokenizerFiles, { onnx }));
    for (const [name, data] of adapter ? adapterFiles(config, this.config.model, adapter) : []) {
      files.set(`adapter/${name}`, data);
    }
    files.set('result.json', `${JSON.stringify(result, null, 2)}\n`);
    await this.storage.writeFolder('final', files);
  }

  /** Adds one line of JSON per object. */
  async append(file: 'metrics.jsonl' | 'episodes.jsonl', lines: readonly object[]): Promise<void> {
    if (lines.length > 0) await this.storage.append(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  /** The evaluation after a step, where metrics.jsonl has one. */
  async evaluationAt(step: number): Promise<Evaluation | undefined> {
    const evaluations = (await this.log()).filter((line) => line.type === 'evaluation');
    const line = evaluations.findLast((line) => line.step === step);
    return line && evaluationOf(line);
  }

  /** The numbers of a step, where metrics.jsonl has them. */
  async stepAt(step: number): Promise<LoggedStepMetrics | undefined> {
    return (await this.steps()).findLast((line) => line.step === step);
  }

  /** The numbers of all steps, oldest first. */
  async steps(): Promise<LoggedStepMetrics[]> {
    return (await this.log()).flatMap(({ type, ...line }) => (type === 'step' ? [line as LoggedStepMetrics] : []));
  }

  /** The whole lines of metrics.jsonl. */
  async log(): Promise<LogLine[]> {
    const bytes = (await this.storage.read('metrics.jsonl').catch(() => undefined)) ?? new Uint8Array();
    const whole = bytes.subarray(0, lengthUpTo(bytes, Number.POSITIVE_INFINITY));
    return wholeLines(new TextDecoder().decode(whole)).flatMap((line) => readLogLine(line) ?? []);
  }

  /** Cuts the logs back to what belongs to the first `step` steps, a half-written last line included. */
  async rewind(step: number): Promise<void> {
    for (const file of ['metrics.jsonl', 'episodes.jsonl'] as const) {
      const text = await this.storage.read(file).catch(() => undefined);
      if (text && text.length > 0) await this.storage.cut(file, lengthUpTo(text, step));
    }
  }
}

/** In float32: weights that are kept in blocks are stored as the numbers that they stand for. */
async function hostParameters({ config, parameters, baseBits }: LanguageModel): Promise<Checkpoint['parameters']> {
  return floatParameters(await parameters.download(), config, baseBits);
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
    const line = parseObject(new TextDecoder().decode(text.subarray(end, next)));
    if (typeof line?.step !== 'number' || line.step > step) return end;
    end = next + 1;
  }
}

const bytesOf = (data: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
