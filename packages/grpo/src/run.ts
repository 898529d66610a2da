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
  readCheckpoint,
} from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { type LanguageModel, openLanguageModel, trainedParameters } from '@ludic/policies';
import { type Evaluation, episodeToJson } from '@ludic/rollouts';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import { GrpoError } from './errors.ts';
import { type Best, RunFolder } from './run-folder.ts';
import type { TrainSettings } from './train-settings.ts';
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
      await folder.append('metrics.jsonl', [{ type: 'step', ...metrics, seconds, tokensPerSecond }]);
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

async function prepare(start: RunStart, { folder: path, runtime, openFiles }: RunOptions) {
  if (start.kind === 'new') {
    const files = await openFiles(start.model);
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
