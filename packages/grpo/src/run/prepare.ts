// How a run begins, or goes on: whether it fits into the machine, asked before anything large is loaded; its model with the
// weights of the last checkpoint, a trainer, and logs that hold no later step.

import type { LanguageModel } from '@ludic/inference';
import { PromptEncoder, trainedParameters } from '@ludic/inference/internal';
import {
  completeTokenizerFiles,
  type ModelFiles,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readModelConfig,
  readTokenizer,
  type TokenizerFiles,
} from '@ludic/models';
import { CARRIED_GAME_FILE } from '@ludic/models/internal';
import { carriedGameText } from '@ludic/rollouts/internal';
import { GrpoError } from '../errors.ts';
import type { SettingsChange } from '../settings/changes.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import { openTrained } from '../trainer/open-trained.ts';
import { carriedGameOf } from '../trainer/played-spec.ts';
import { Trainer } from '../trainer/trainer.ts';
import { beginWithFormat } from '../warm-start/begin-format.ts';
import { NOTHING_WATCHED, type WatchState } from '../watchdogs/state.ts';
import { describeMemory, estimateMemory, gigabytes, mayFit, memoryAdvice } from './memory.ts';
import { probePrompts } from './probe-prompts.ts';
import type { RunStart, SharedUpdates, TrainRunOptions } from './run-options.ts';
import { type Best, checkpointFolder, createRun, openRun, type StoredRun } from './stored-run.ts';

export interface PreparedRun {
  readonly folder: StoredRun;
  readonly model: LanguageModel;
  readonly trainer: Trainer;
  readonly workers: SharedUpdates | undefined;
  /** What stands beside the weights in every checkpoint, the game of the run among it. */
  readonly tokenizerFiles: TokenizerFiles;
  readonly best: Best | undefined;
  readonly watched: WatchState;
  /** It has no checkpoint yet. */
  readonly isNew: boolean;
}

/** @throws GrpoError `bad_setting`, `too_large`, `run_exists`, `no_run`, `bad_checkpoint` */
export async function prepareRun(start: RunStart, options: TrainRunOptions): Promise<PreparedRun> {
  const { storage, openFiles } = options;
  if (start.kind === 'new') {
    const { model, settings, onnx, threads } = start;
    const config = { formatVersion: 1, model, settings, onnx, threads } as const;
    return begin(await openFiles(model), settings, options, () => createRun(storage, config));
  }
  const stored = await openRun(storage);
  const step = (await stored.checkpoints()).at(-1);
  if (step !== undefined) return resume(stored, step, start.change ?? {}, options);
  const { model, settings } = stored.config;
  if (settings.warmStart === undefined) {
    throw new GrpoError(
      'no_run',
      `${storage.place} has no checkpoint yet: the run was stopped before its first. Remove the folder and start again.`,
    );
  }
  // It was stopped in its warm start, which begins again.
  await stored.rewind(-1);
  return begin(await openFiles(model), settings, options, async () => stored);
}

/** A run at its beginning: its warm start done, its first weights not saved yet. */
function begin(
  files: ModelFiles,
  settings: TrainSettings,
  options: TrainRunOptions,
  folderOf: () => Promise<StoredRun>,
): Promise<PreparedRun> {
  const { onEvent, signal } = options;
  return withModel(files, settings, options, async ({ model, tokenizerFiles, makeTrainer }) => {
    const folder = await folderOf();
    const result = await beginWithFormat(
      model,
      settings,
      (progress) => onEvent?.({ type: 'warm_start', ...progress }),
      signal,
    );
    if (result) {
      await folder.append('metrics.jsonl', [{ type: 'warm_start', step: 0, ...result }]);
      await onEvent?.({ type: 'warm_started', ...result });
    }
    const made = await makeTrainer();
    return { folder, model, ...made, tokenizerFiles, best: undefined, watched: NOTHING_WATCHED, isNew: true };
  });
}

/** A run as its checkpoint of a step has it. */
async function resume(
  stored: StoredRun,
  step: number,
  change: SettingsChange,
  options: TrainRunOptions,
): Promise<PreparedRun> {
  // Before anything is loaded, so that what may not change is refused at once.
  const folder = await stored.changed(step, change);
  const { settings } = folder.config;
  // The trainer is made with the first weights, which a reference model keeps; then the present ones take their place.
  const files = await stored.storage.open(checkpointFolder(0), 'model');
  return withModel(files, settings, options, async ({ model, tokenizerFiles, makeTrainer }) => {
    // A new adapter is the same every time; one that had a warm start is not.
    if (model.adapter && settings.warmStart !== undefined) await loadWeights(model, folder, 0);
    const { trainer, workers } = await makeTrainer();
    await loadWeights(model, folder, step);
    const { optimizer, best, watched } = await folder.loadState(step);
    await trainer.restore(step, optimizer);
    await folder.rewind(step);
    return { folder, model, trainer, workers, tokenizerFiles, best, watched, isNew: false };
  });
}

interface OpenedModel extends Pick<PreparedRun, 'model' | 'tokenizerFiles'> {
  /** The trainer of the run, with its workers where there are several. */
  readonly makeTrainer: () => Promise<Pick<PreparedRun, 'trainer' | 'workers'>>;
}

/** Opens the model of a run, and lets go of it again where the work with it fails. */
async function withModel(
  files: ModelFiles,
  settings: TrainSettings,
  options: TrainRunOptions,
  work: (opened: OpenedModel) => Promise<PreparedRun>,
): Promise<PreparedRun> {
  checkSettings(settings);
  const game = carriedGameText(carriedGameOf(settings));
  const count = await processesFor(files, settings, options);
  const model = await openTrained(files, settings, options.runtime);
  const makeTrainer = async () => {
    const workers = count > 1 ? options.workers?.make(count, model, settings, checkpointFolder(0)) : undefined;
    return { trainer: await Trainer.create(model, settings, workers), workers };
  };
  try {
    const tokenizerFiles = new Map([...(await completeTokenizerFiles(files)), [CARRIED_GAME_FILE, game]]);
    return await work({ model, tokenizerFiles, makeTrainer });
  } catch (error) {
    await disposeOf(model);
    throw error;
  }
}

/**
 * How many processes share an update: as many as are wanted, as far as shards, cores and memory allow.
 * @param files of the model that the run starts from
 * @throws GrpoError `too_large`, with what would make it smaller
 */
async function processesFor(
  files: ModelFiles,
  settings: TrainSettings,
  { memory, workers, onEvent }: TrainRunOptions,
): Promise<number> {
  const { count: wanted, cores = Number.POSITIVE_INFINITY } = workers ?? { count: 1 };
  let count = Math.max(1, Math.min(wanted, settings.shards, cores));
  let reason: string | undefined;
  const several = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  if (count < wanted)
    reason = count === cores ? `the machine has ${several(cores, 'core')}` : `the run has ${several(count, 'shard')}`;
  if (memory) {
    const { limit, available } = memory;
    const config = await readModelConfig(files);
    const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files));
    const prompts = await probePrompts(settings, encoder);
    const estimateFor = (processes: number) => estimateMemory(config, settings, prompts, processes);
    while (count > 1 && !mayFit(estimateFor(count), limit)) {
      count--;
      reason = `more do not fit into ${gigabytes(limit)} of memory`;
    }
    const estimate = estimateFor(count);
    await onEvent?.({ type: 'memory', estimate, limit, available });
    if (!mayFit(estimate, limit)) {
      const advice = memoryAdvice(config, settings, prompts, limit);
      throw new GrpoError('too_large', `The run ${describeMemory(estimate, limit)}. ${advice}`);
    }
  }
  if (workers) await onEvent?.({ type: 'workers', count, wanted, reason });
  return count;
}

/** Puts what was trained up to another checkpoint of the run into a model. */
export async function loadWeights(model: LanguageModel, { storage }: StoredRun, step: number): Promise<void> {
  const folder = checkpointFolder(step);
  const { parameters } = model.adapter
    ? await readAdapter(await storage.open(folder, 'adapter'), model.config)
    : await readCheckpoint(await storage.open(folder, 'model'));
  await trainedParameters(model).set(parameters);
}

/** An error on the way is swallowed: it would hide the one that ended the run. */
export async function disposeOf(model: LanguageModel, trainer?: Trainer): Promise<void> {
  try {
    await trainer?.dispose();
    model.adapter?.parameters.dispose();
    model.parameters.dispose();
  } catch {}
}
