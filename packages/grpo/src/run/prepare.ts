// How a run begins, or goes on: whether it fits into the machine, asked before anything large is loaded; its model with the
// weights of the last checkpoint, a trainer, and logs that hold no later step.

import type { LanguageModel } from '@ludic/inference';
import { PromptEncoder, trainedParameters } from '@ludic/inference/internal';
import {
  type Checkpoint,
  completeTokenizerFiles,
  type ModelConfig,
  type ModelFiles,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readModelConfig,
  readTokenizer,
  type TokenizerFiles,
  tensorsOf,
} from '@ludic/models';
import { CARRIED_GAME_FILE } from '@ludic/models/internal';
import { type CarriedGame, carriedGameText, readCarriedGame } from '@ludic/rollouts/internal';
import { GrpoError, needSetting } from '../errors.ts';
import { checkPluggedIn, pluggedIn } from '../plugins/plugin.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import { openTrained, saidOptions } from '../trainer/open-trained.ts';
import { carriedGameOf } from '../trainer/played-spec.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import { Trainer } from '../trainer/trainer.ts';
import { beginWithFormat, type WarmStartProgress } from '../warm-start/begin-format.ts';
import { NOTHING_WATCHED, type WatchState } from '../watchdogs/state.ts';
import { describeMemory, estimateMemory, gigabytes, mayFit, memoryAdvice } from './memory.ts';
import { probePrompts } from './probe-prompts.ts';
import type { RunStart, SharedUpdates, TrainRunOptions } from './run-options.ts';
import { type Best, checkpointFolder, createRun, openRun, REFERENCE_FOLDER, type StoredRun } from './stored-run.ts';

export interface PreparedRun {
  readonly folder: StoredRun;
  readonly model: LanguageModel;
  readonly trainer: Trainer;
  readonly workers: SharedUpdates | undefined;
  /** What stands beside the weights in every checkpoint, the game of the run among it. */
  readonly tokenizerFiles: TokenizerFiles;
  readonly best: Best | undefined;
  readonly watched: WatchState;
  /** Why a callback has ended it. */
  readonly ending: string | undefined;
  /** It has no checkpoint yet. */
  readonly isNew: boolean;
  /** The steps before this one, as its log has them. */
  readonly log: readonly LoggedStepMetrics[];
  /** What a person should know before it begins or goes on. */
  readonly warnings: readonly string[];
}

/** @throws GrpoError `bad_setting`, `too_large`, `run_exists`, `no_run`, `bad_checkpoint` */
export async function prepareRun(start: RunStart, options: TrainRunOptions): Promise<PreparedRun> {
  const { settings, files, step, reference: named, openFolder, warnings } = await originOf(start, options);
  checkSettings(settings);
  // A run may go on without its KL term.
  if (named && step === undefined) needBeta(named, settings);
  const game = carriedGameText({ ...(await carriedOptions(files)), ...carriedGameOf(settings) });
  const isHeld = named !== undefined && settings.loss.beta > 0;
  const count = await processesFor(files, settings, options, isHeld);
  // Workers that go on read it themselves.
  const reference =
    isHeld && (step === undefined || (count === 1 && !options.workers?.elsewhere))
      ? await readReference(named, files, settings)
      : undefined;
  const model = await openTrained(files, settings, options.runtime);
  let trainer: Trainer | undefined;
  try {
    const tokenizerFiles = new Map([...(await completeTokenizerFiles(files)), [CARRIED_GAME_FILE, game]]);
    const folder = await openFolder();
    if (reference && step === undefined) await folder.saveReference(reference, settings.baseBits);
    if (step === undefined) await startWarm(model, settings, folder, options);
    // A new adapter is the same every time; one that had a warm start is not.
    else if (model.adapter && settings.warmStart !== undefined) await loadWeights(model, folder, 0);
    // The trainer is made with the first weights, which a reference model keeps; then the present ones take their place.
    const folders = { first: checkpointFolder(0), reference: isHeld ? REFERENCE_FOLDER : undefined };
    const workers =
      count > 1 || options.workers?.elsewhere ? options.workers?.make(count, model, settings, folders) : undefined;
    trainer = await Trainer.create(model, settings, workers, reference?.parameters);
    const prepared = { folder, model, trainer, workers, tokenizerFiles, warnings };
    if (step === undefined)
      return { ...prepared, best: undefined, watched: NOTHING_WATCHED, ending: undefined, isNew: true, log: [] };
    await loadWeights(model, folder, step);
    const { optimizer, best, watched, ending } = await folder.loadState(step);
    await trainer.restore(step, optimizer);
    await folder.rewind(step);
    return { ...prepared, best, watched, ending, isNew: false, log: await folder.steps() };
  } catch (error) {
    await disposeOf(model, trainer);
    throw error;
  }
}

/** Variables of the chat template that the model was trained with before: a run keeps those that it does not say itself. */
async function carriedOptions(files: ModelFiles): Promise<Pick<CarriedGame, 'templateOptions'>> {
  const { templateOptions } = (await readCarriedGame(files)) ?? {};
  return templateOptions ? { templateOptions } : {};
}

/** Where a run begins, or goes on. */
interface Origin {
  readonly settings: TrainSettings;
  /** Of the model that the run starts from. */
  readonly files: ModelFiles;
  /** Of the reference policy, where it is not that model. */
  readonly reference?: ModelFiles | undefined;
  /** Of its newest checkpoint; undefined where it has none. */
  readonly step: number | undefined;
  /** Makes the folder of a new run, which is left alone until the run is known to fit. */
  readonly openFolder: () => Promise<StoredRun>;
  readonly warnings: readonly string[];
}

async function originOf(start: RunStart, options: TrainRunOptions): Promise<Origin> {
  const { storage, openFiles, callbacks = {} } = options;
  if (start.kind === 'new') {
    const { model, reference: named, game, settings, onnx, threads } = start;
    const plugins = pluggedIn(settings, callbacks);
    const config = {
      formatVersion: 1,
      model,
      ...(named !== undefined && { reference: named }),
      ...(game && { game }),
      ...(plugins.length > 0 && { plugins }),
      settings,
      onnx,
      threads,
    } as const;
    const files = await openFiles(model);
    const reference = named === undefined ? undefined : await openFiles(named);
    const openFolder = () => createRun(storage, config);
    return { settings, files, reference, step: undefined, openFolder, warnings: [] };
  }
  const stored = await openRun(storage);
  const warnings = checkPluggedIn(stored.config.plugins ?? [], callbacks);
  const step = (await stored.checkpoints()).at(-1);
  if (step !== undefined) {
    // Before anything is loaded, so that what may not change is refused at once.
    const changed = await stored.changed(step, start.change ?? {});
    const files = await storage.open(checkpointFolder(0), 'model');
    const reference =
      changed.config.reference === undefined ? undefined : await storage.open(REFERENCE_FOLDER, 'model');
    return { settings: changed.config.settings, files, reference, step, openFolder: async () => changed, warnings };
  }
  const { model, reference: named, settings } = stored.config;
  if (settings.warmStart === undefined) {
    throw new GrpoError(
      'no_run',
      `${storage.place} has no checkpoint yet: the run was stopped before its first. Remove the folder and start again.`,
    );
  }
  // It was stopped in its warm start, which begins again.
  await stored.rewind(-1);
  const reference = named === undefined ? undefined : await openFiles(named);
  return { settings, files: await openFiles(model), reference, step, openFolder: async () => stored, warnings };
}

const needBeta = ({ name }: ModelFiles, { loss: { beta } }: TrainSettings): void =>
  needSetting('beta', beta, `above 0 with the reference ${name}, which is of no use without`, beta > 0);

/** @throws GrpoError `bad_setting` where the reference cannot judge what the model writes */
async function readReference(named: ModelFiles, files: ModelFiles, { baseBits }: TrainSettings): Promise<Checkpoint> {
  const [reference, config] = [await readCheckpoint(named, baseBits), await readModelConfig(files)];
  const shapes = (one: ModelConfig) => JSON.stringify([...tensorsOf(one)].map(([name, { shape }]) => [name, shape]));
  if (shapes(reference.config) === shapes(config)) return reference;
  throw new GrpoError(
    'bad_setting',
    `The reference ${named.name} is another network than ${files.name}; both must be alike.`,
  );
}

/** The warm start of a run, where its settings ask for one. */
async function startWarm(
  model: LanguageModel,
  settings: TrainSettings,
  folder: StoredRun,
  { onEvent, signal }: TrainRunOptions,
): Promise<void> {
  const onStep = (progress: WarmStartProgress) => onEvent?.({ type: 'warm_start', ...progress });
  const result = await beginWithFormat(model, settings, onStep, signal);
  if (!result) return;
  await folder.append('metrics.jsonl', [{ type: 'warm_start', step: 0, ...result }]);
  await onEvent?.({ type: 'warm_started', ...result });
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
  hasOtherReference: boolean,
): Promise<number> {
  const { count: wanted, cores = Number.POSITIVE_INFINITY } = workers && !workers.elsewhere ? workers : { count: 1 };
  let count = Math.max(1, Math.min(wanted, settings.shards, cores));
  let reason: string | undefined;
  const several = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  if (count < wanted)
    reason = count === cores ? `the machine has ${several(cores, 'core')}` : `the run has ${several(count, 'shard')}`;
  if (memory) {
    const { limit, available } = memory;
    const config = await readModelConfig(files);
    const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files, saidOptions(settings)));
    const prompts = await probePrompts(settings, encoder);
    const estimateFor = (processes: number) => estimateMemory(config, settings, prompts, processes, hasOtherReference);
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
  if (workers && !workers.elsewhere) await onEvent?.({ type: 'workers', count, wanted, reason });
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
