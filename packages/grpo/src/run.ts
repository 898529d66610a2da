// A whole training run in its folder: steps, evaluations, checkpoints, resume. What happens is told to a listener;
// nothing here draws or prints.

import {
  type Companions,
  completeCompanions,
  type ExportDtype,
  everyLinearLayer,
  type ModelFiles,
  newAdapter,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readModelConfig,
  readTokenizer,
} from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { type LanguageModel, openLanguageModel, PromptEncoder, trainedParameters } from '@ludic/policies';
import { type Evaluation, episodeToJson } from '@ludic/rollouts';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import { GrpoError } from './errors.ts';
import { certainMemory, describeMemory, estimateMemory, type MemoryEstimate, memoryAdvice } from './memory.ts';
import { rehearse } from './rehearsal.ts';
import { type Best, RunFolder } from './run-folder.ts';
import { checkSettings, type TrainSettings } from './train-settings.ts';
import { type StepMetrics, Trainer } from './trainer.ts';

export interface RunOptions {
  readonly folder: string;
  readonly runtime: Runtime;
  /** Finds the files of the model that the run starts from. */
  readonly openFiles: (model: string) => Promise<ModelFiles>;
  /** Milliseconds of any steady clock. */
  readonly clock: () => number;
  /** Aborting it ends the run after a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** What this process may use. Without it nothing is estimated and nothing refused. */
  readonly memory?: ProcessMemory;
}

/** In bytes. */
export interface ProcessMemory {
  /** Most that the process may ever have. */
  readonly limit: number;
  /** What it could have now, beside what others use. */
  readonly available: number;
  /** The most that it has had so far. */
  readonly peak: () => number;
}

/** A new run, or the one that the folder holds. */
export type RunStart =
  | {
      readonly kind: 'new';
      readonly model: string;
      readonly settings: TrainSettings;
      readonly onnx?: readonly ExportDtype[];
    }
  | { readonly kind: 'resume' };

export type RunEvent =
  | { readonly type: 'start'; readonly settings: TrainSettings; readonly step: number; readonly model: LanguageModel }
  | { readonly type: 'memory'; readonly estimate: MemoryEstimate; readonly limit: number; readonly available: number }
  | { readonly type: 'step'; readonly metrics: StepMetrics; readonly seconds: number; readonly tokensPerSecond: number }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly evaluation: Evaluation;
      readonly best: boolean;
      readonly seconds: number;
    }
  | { readonly type: 'warning'; readonly step: number; readonly message: string }
  | { readonly type: 'checkpoint'; readonly step: number };

export interface RunResult {
  readonly status: 'finished' | 'interrupted';
  readonly step: number;
  readonly best: Best | undefined;
  readonly evaluation: Evaluation | undefined;
}

/** Sampled games of a step that go to episodes.jsonl, every so many steps. */
const KEPT_EPISODES = 2;
const KEEP_EVERY = 10;
/** Below this the policy hardly explores any more. */
const LOW_ENTROPY = 0.05;
/** A policy that was taught the format and gives more invalid replies than this has found that they pay. */
const MANY_INVALID = 0.3;

export async function runTraining(start: RunStart, options: RunOptions): Promise<RunResult> {
  const { clock, signal } = options;
  const emit = options.onEvent ?? (() => {});
  const { folder, model, trainer, best: knownBest, companions } = await prepare(start, options);
  const { settings } = trainer;
  let best = knownBest;
  let evaluation: Evaluation | undefined;
  let savedStep = trainer.step;
  const save = async () => {
    if (savedStep === trainer.step && trainer.step > 0) return;
    await folder.saveCheckpoint(model, companions, {
      step: trainer.step,
      optimizer: await trainer.optimizerState(),
      best,
    });
    await folder.prune(best);
    savedStep = trainer.step;
    emit({ type: 'checkpoint', step: trainer.step });
  };
  try {
    if (start.kind === 'new') await save();
    emit({ type: 'start', settings, step: trainer.step, model });
    while (trainer.step < settings.steps) {
      const before = clock();
      const { metrics, episodes } = await trainer.runStep(signal);
      const seconds = (clock() - before) / 1000;
      const tokensPerSecond = (metrics.promptTokens + metrics.completionTokens) / seconds;
      const peakMemory = options.memory?.peak();
      await folder.append('metrics.jsonl', [
        { type: 'step', ...metrics, seconds, tokensPerSecond, ...(peakMemory !== undefined && { peakMemory }) },
      ]);
      if (metrics.step % KEEP_EVERY === 1) {
        const kept = episodes.slice(0, KEPT_EPISODES);
        await folder.append(
          'episodes.jsonl',
          kept.map((episode) => ({ step: metrics.step, ...episodeToJson(episode) })),
        );
      }
      emit({ type: 'step', metrics, seconds, tokensPerSecond });
      if (metrics.entropy < LOW_ENTROPY && metrics.step % KEEP_EVERY === 1) {
        const message = `The entropy is ${metrics.entropy.toFixed(3)}: the policy hardly tries anything new. Lower the learning rate or raise the entropy coefficient.`;
        emit({ type: 'warning', step: metrics.step, message });
      }
      if (metrics.invalidRate > MANY_INVALID && metrics.step % KEEP_EVERY === 1) {
        const message = `${Math.round(100 * metrics.invalidRate)} % of the replies are invalid. If the share grows, an endless game may pay more than a lost one: give the environment an invalid_penalty, and hold the policy near its first model with a beta of 0.1 or more.`;
        emit({ type: 'warning', step: metrics.step, message });
      }
      const last = trainer.step === settings.steps;
      if (last || (settings.evalEvery > 0 && trainer.step % settings.evalEvery === 0)) {
        const began = clock();
        evaluation = await trainer.evaluate(signal);
        const score = evaluation.meanReward;
        const isBest = !best || score > best.score;
        if (isBest) best = { step: trainer.step, score };
        const evaluationSeconds = (clock() - began) / 1000;
        await folder.append('metrics.jsonl', [
          { type: 'evaluation', step: trainer.step, ...evaluation, best: isBest, seconds: evaluationSeconds },
        ]);
        emit({ type: 'evaluation', step: trainer.step, evaluation, best: isBest, seconds: evaluationSeconds });
        if (isBest) await save();
      }
      if (last || trainer.step % settings.saveEvery === 0) await save();
    }
    await finish(folder, model, companions, best, trainer.step, evaluation);
    return { status: 'finished', step: trainer.step, best, evaluation };
  } catch (error) {
    if (!signal?.aborted) throw error;
    await folder.rewind(trainer.step);
    await save();
    return { status: 'interrupted', step: trainer.step, best, evaluation };
  } finally {
    await trainer.dispose();
  }
}

/** @throws GrpoError `too_large`, with what would make it smaller */
async function checkMemory(files: ModelFiles, settings: TrainSettings, { memory, onEvent }: RunOptions): Promise<void> {
  if (!memory) return;
  checkSettings(settings);
  const config = await readModelConfig(files);
  const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files));
  const prompts = await rehearse(settings, encoder);
  const estimate = estimateMemory(config, settings, prompts);
  const { limit, available } = memory;
  onEvent?.({ type: 'memory', estimate, limit, available });
  // How much prompts share is not known yet: only what cannot fit in any case is refused.
  const certain = certainMemory(estimate);
  if (certain + (estimate.total - certain) / 2 <= limit) return;
  const advice = memoryAdvice(config, settings, prompts, limit);
  throw new GrpoError('too_large', `The run ${describeMemory(estimate, limit)}. ${advice}`);
}

async function prepare(start: RunStart, options: RunOptions) {
  const { folder: path, runtime, openFiles } = options;
  if (start.kind === 'new') {
    const files = await openFiles(start.model);
    await checkMemory(files, start.settings, options);
    const model = await adapted(await openLanguageModel(files, runtime), start.settings);
    const trainer = await Trainer.create(model, start.settings);
    const companions = await completeCompanions(files);
    const folder = await RunFolder.create(path, {
      formatVersion: 1,
      model: start.model,
      settings: start.settings,
      ...(start.onnx && { onnx: start.onnx }),
    });
    return { folder, model, trainer, companions, best: undefined };
  }
  const folder = await RunFolder.open(path);
  const step = (await folder.checkpoints()).at(-1);
  if (step === undefined) {
    throw new GrpoError(
      'no_run',
      `${path} has no checkpoint yet: the run was stopped before its first. Remove the folder and start again.`,
    );
  }
  // The trainer is made with the first weights, which a reference model keeps; then the present ones take their place.
  const files = await openModelFolder(folder.checkpointPath(0));
  await checkMemory(files, folder.config.settings, options);
  const model = await adapted(await openLanguageModel(files, runtime), folder.config.settings);
  const trainer = await Trainer.create(model, folder.config.settings);
  await loadWeights(model, folder.checkpointPath(step));
  const state = await folder.loadState(step);
  await trainer.restore(step, state.optimizer);
  await folder.rewind(step);
  return { folder, model, trainer, companions: await completeCompanions(files), best: state.best };
}

/** The model with a new adapter, where the settings want one. */
async function adapted(model: LanguageModel, { lora, seed }: TrainSettings): Promise<LanguageModel> {
  if (!lora) return model;
  const targets = lora.targets.length > 0 ? lora.targets : everyLinearLayer(model.config);
  const { config, parameters } = newAdapter(model.config, { ...lora, targets }, seed);
  return { ...model, adapter: { config, parameters: await ResidentTensors.of(model.runtime, parameters) } };
}

/** Puts what was trained up to another checkpoint of the run into a model. */
async function loadWeights(model: LanguageModel, folder: string): Promise<void> {
  const { parameters } = model.adapter
    ? await readAdapter(await openAdapterFolder(folder), model.config)
    : await readCheckpoint(await openModelFolder(folder));
  await trainedParameters(model).set(parameters);
}

async function finish(
  folder: RunFolder,
  model: LanguageModel,
  companions: Companions,
  best: Best | undefined,
  step: number,
  evaluation: Evaluation | undefined,
): Promise<void> {
  if (best && best.step !== step) await loadWeights(model, folder.checkpointPath(best.step));
  await folder.writeFinal(model, companions, { steps: step, best, evaluation });
}
