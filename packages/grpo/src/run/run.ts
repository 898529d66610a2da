// A whole training run in its storage: steps, evaluations, checkpoints, resume. What happens is told to a listener;
// nothing here draws or prints.

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
import { carriedGameText, type Evaluation, episodeToJson } from '@ludic/rollouts';
import type { Runtime } from '@ludic/runtime';
import { GrpoError } from '../errors.ts';
import { CHANGEABLE } from '../settings/changes.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import { openTrained } from '../trainer/open-trained.ts';
import { carriedGameOf, specOf } from '../trainer/played-spec.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import { type StepReport, Trainer } from '../trainer/trainer.ts';
import { beginWithFormat, type WarmStartProgress } from '../warm-start/begin-format.ts';
import { afterCollapse, NOTHING_WATCHED, type WatchState, watch, watchedOf } from '../watchdogs/index.ts';
import type { ShardRunner } from '../workers/shards.ts';
import { evaluationScore, sampledBeside } from './evaluation-score.ts';
import {
  certainMemory,
  describeMemory,
  estimateMemory,
  gigabytes,
  type MemoryEstimate,
  memoryAdvice,
} from './memory.ts';
import { probePrompts } from './probe-prompts.ts';
import type { RunEvent, RunStart } from './run-events.ts';
import type { RunStorage } from './run-storage.ts';
import { type Best, checkpointFolder, createRun, openRun, type StoredRun } from './stored-run.ts';

export interface TrainRunOptions {
  readonly storage: RunStorage;
  readonly runtime: Runtime;
  /** Finds the files of the model that the run starts from. */
  readonly openFiles: (model: string) => Promise<ModelFiles>;
  /** Milliseconds of any steady clock. */
  readonly clock: () => number;
  /** Aborting it ends the run after a checkpoint. */
  readonly signal?: AbortSignal;
  /** Awaited: the run goes on when it is done. What it throws ends the run. */
  readonly onEvent?: (event: RunEvent) => unknown;
  /** What a step leaves in episodes.jsonl, each line with its `step`. Default: two games of every tenth step. */
  readonly keepEpisodes?: (report: StepReport, settings: TrainSettings) => readonly KeptEpisode[];
  /** What this process may use. Without it nothing is estimated and nothing refused. */
  readonly memory?: ProcessMemory;
  /** Several processes for every update, where it has several shards. */
  readonly workers?: Workers;
}

export interface Workers {
  /** How many are wanted; lowered to what the run has shards for and the machine has cores and memory for. */
  readonly count: number;
  /** Cores of the machine. Without it that is not looked at. */
  readonly cores?: number;
  /** @param first the checkpoint with the model that the run starts from */
  readonly make: (count: number, model: LanguageModel, settings: TrainSettings, first: string) => SharedUpdates;
}

/** Shards in other processes. */
export interface SharedUpdates extends ShardRunner {
  /** Bytes that the processes have had at most, as far as they have said. */
  readonly peakMemory: number;
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

export interface RunResult {
  /** `stopped`: by a watchdog, since the policy had become worse. */
  readonly status: 'finished' | 'interrupted' | 'stopped';
  /** Why it was stopped. */
  readonly reason?: string;
  readonly step: number;
  readonly best: Best | undefined;
  readonly evaluation: Evaluation | undefined;
  /** Bytes that this process and its workers have had at most, where `RunOptions.memory` tells. */
  readonly peakMemory: number | undefined;
}

/** A line of episodes.jsonl. */
export type KeptEpisode = object & { readonly step: number };

/** Sampled games of a step that go to episodes.jsonl, every so many steps. */
const KEPT_EPISODES = 2;
const KEEP_EVERY = 10;
/** So often a run goes back to its best checkpoint; the next collapse ends it. */
const MOST_REVERTS = 2;

function firstEpisodes({ metrics: { step }, episodes, advantages }: StepReport): readonly KeptEpisode[] {
  if (step % KEEP_EVERY !== 1) return [];
  const kept = episodes.slice(0, KEPT_EPISODES);
  return kept.map((episode, i) => ({ step, ...episodeToJson(episode), advantages: Array.from(advantages[i]!) }));
}

export async function trainRun(start: RunStart, options: TrainRunOptions): Promise<RunResult> {
  const { clock, signal, keepEpisodes = firstEpisodes } = options;
  const emit = async (event: RunEvent) => options.onEvent?.(event);
  const prepared = await unlessInterrupted(prepare(start, options), signal);
  if (!prepared)
    return {
      status: 'interrupted',
      step: 0,
      best: undefined,
      evaluation: undefined,
      peakMemory: options.memory?.peak(),
    };
  const { folder, model, trainer, workers, tokenizerFiles } = prepared;
  const { settings } = trainer;
  let { best, watched } = prepared;
  trainer.slowDown(2 ** -watched.reverts);
  let evaluation: Evaluation | undefined;
  const peak = () => options.memory && options.memory.peak() + (workers?.peakMemory ?? 0);
  let savedStep = trainer.step;
  const save = async ({ again = false } = {}) => {
    if (savedStep === trainer.step && trainer.step > 0 && !again) return;
    await folder.saveCheckpoint(model, tokenizerFiles, {
      step: trainer.step,
      optimizer: await trainer.optimizerState(),
      best,
      watched,
    });
    await folder.prune(best);
    savedStep = trainer.step;
    await emit({ type: 'checkpoint', step: trainer.step });
  };
  const isEvaluated = (step: number) =>
    step > 0 && (step === settings.steps || (settings.evalEvery > 0 && step % settings.evalEvery === 0));
  const evaluate = async () => {
    const began = clock();
    evaluation = await trainer.evaluate(signal);
    const sampled = sampledBeside(settings, await folder.stepAt(trainer.step));
    const score = evaluationScore(evaluation, sampled);
    const isBest = !best || score > best.score || best.step === trainer.step;
    if (isBest) best = { step: trainer.step, score };
    return { evaluation, isBest, sampled, seconds: (clock() - began) / 1000 };
  };
  const tell = async ({ evaluation, isBest, sampled, seconds }: Awaited<ReturnType<typeof evaluate>>) => {
    const place = { type: 'evaluation', step: trainer.step } as const;
    const beside = { temperature: settings.evalTemperature, best: isBest, seconds };
    await folder.append('metrics.jsonl', [{ ...place, ...evaluation, ...sampled, ...beside }]);
    await emit({ ...place, evaluation, ...(sampled && { sampled }), ...beside });
  };
  const warn = (message: string) => emit({ type: 'warning', step: trainer.step, message });
  try {
    if (prepared.isNew) await save();
    const known = await watchedOf(settings, model);
    await emit({ type: 'start', settings, step: trainer.step, model });
    for (const message of model.warnings ?? []) await warn(message);
    if (start.kind === 'resume' && isEvaluated(trainer.step)) {
      evaluation = await folder.evaluationAt(trainer.step);
      if (!evaluation) {
        // The run was interrupted in this evaluation. The checkpoint is there already, so what is told comes last.
        const found = await evaluate();
        if (found.isBest) await save({ again: true });
        await tell(found);
      }
    }
    while (trainer.step < settings.steps) {
      const before = clock();
      const report = await trainer.runStep(signal);
      const seconds = (clock() - before) / 1000;
      const { prompt_tokens, completion_tokens } = report.metrics;
      const peakMemory = peak();
      const metrics: LoggedStepMetrics = {
        ...report.metrics,
        seconds,
        tokens_per_second: (prompt_tokens + completion_tokens) / Math.max(seconds, 1e-3),
        ...(peakMemory !== undefined && { peak_memory: peakMemory }),
      };
      await folder.append('metrics.jsonl', [{ type: 'step', ...metrics }]);
      await folder.append('episodes.jsonl', keepEpisodes(report, settings));
      await emit({ type: 'step', ...report, metrics });
      const seen = watch(watched, metrics, known);
      watched = seen.state;
      for (const message of seen.warnings) await warn(message);
      if (seen.collapse !== undefined) {
        const { reverts } = watched;
        const goesBack = settings.onCollapse === 'revert' && reverts < MOST_REVERTS;
        watched = afterCollapse(watched, goesBack ? reverts + 1 : reverts);
        const bestStep = best?.step ?? 0;
        if (goesBack) {
          await loadWeights(model, folder, bestStep);
          await trainer.restore(trainer.step, (await folder.loadState(bestStep)).optimizer);
          trainer.slowDown(2 ** -watched.reverts);
          await save();
          await warn(
            `${seen.collapse} The run goes on from the model of step ${bestStep} with half the learning rate.`,
          );
        } else if (settings.onCollapse === 'warn')
          await warn(`${seen.collapse} The run goes on, as on_collapse is warn.`);
        else {
          await save();
          const reason = `${seen.collapse} The run was stopped after step ${trainer.step}; its model is that of step ${bestStep}.`;
          await warn(reason);
          await finish(folder, model, tokenizerFiles, bestStep, trainer.step, { best, evaluation, stopped: reason });
          return { status: 'stopped', reason, step: trainer.step, best, evaluation, peakMemory: peak() };
        }
      }
      if (isEvaluated(trainer.step)) {
        const found = await evaluate();
        await tell(found);
        if (found.isBest) await save();
      }
      if (trainer.step === settings.steps || trainer.step % settings.saveEvery === 0) await save();
    }
    await finish(folder, model, tokenizerFiles, best?.step ?? trainer.step, trainer.step, { best, evaluation });
    return { status: 'finished', step: trainer.step, best, evaluation, peakMemory: peak() };
  } catch (error) {
    if (!signal?.aborted) throw resumable(error, savedStep);
    await folder.rewind(trainer.step);
    await save();
    return { status: 'interrupted', step: trainer.step, best, evaluation, peakMemory: peak() };
  } finally {
    await putAway(model, trainer);
  }
}

/** Numbers that overflowed would overflow again: what may be changed to get past them is told. */
function resumable(error: unknown, step: number): unknown {
  const { code, name, message } = error as Error & { readonly code?: string };
  if (code !== 'not_finite' || (name !== 'GrpoError' && name !== 'PolicyError')) return error;
  const way = `The run is kept up to step ${step}: resume it with another ${CHANGEABLE.slice(0, -1).join(', ')} or ${CHANGEABLE.at(-1)}.`;
  return new GrpoError('not_finite', `${message} ${way}`, { cause: error });
}

/** What went wrong is what to tell, not what could not be tidied up after it. */
async function putAway(model: LanguageModel, trainer?: Trainer): Promise<void> {
  try {
    await trainer?.dispose();
    model.adapter?.parameters.dispose();
    model.parameters.dispose();
  } catch {}
}

/**
 * How many processes share an update.
 * @throws GrpoError `too_large`, with what would make it smaller
 */
async function checkMachine(files: ModelFiles, settings: TrainSettings, options: TrainRunOptions): Promise<number> {
  const { memory, workers, onEvent } = options;
  checkSettings(settings);
  specOf(settings);
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
    // How much prompts share is not known yet: only what cannot fit in any case is refused.
    const fits = (estimate: MemoryEstimate) => {
      const certain = certainMemory(estimate);
      return certain + (estimate.total - certain) / 2 <= limit;
    };
    while (count > 1 && !fits(estimateFor(count))) {
      count--;
      reason = `more do not fit into ${gigabytes(limit)} of memory`;
    }
    const estimate = estimateFor(count);
    await onEvent?.({ type: 'memory', estimate, limit, available });
    if (!fits(estimate)) {
      const advice = memoryAdvice(config, settings, prompts, limit);
      throw new GrpoError('too_large', `The run ${describeMemory(estimate, limit)}. ${advice}`);
    }
  }
  if (workers) await onEvent?.({ type: 'workers', count, wanted, reason });
  return count;
}

/** The trainer of a run, with its workers where there are several. */
async function makeTrainer(model: LanguageModel, settings: TrainSettings, count: number, options: TrainRunOptions) {
  const workers = count > 1 ? options.workers?.make(count, model, settings, checkpointFolder(0)) : undefined;
  return { trainer: await Trainer.create(model, settings, workers), workers };
}

async function prepare(start: RunStart, options: TrainRunOptions): Promise<Prepared> {
  const { storage, runtime, openFiles } = options;
  if (start.kind === 'new') {
    const files = await openFiles(start.model);
    const { settings, onnx, threads } = start;
    const count = await checkMachine(files, settings, options);
    const model = await openTrained(files, settings, runtime);
    return orPutAway(model, async () => {
      const tokenizerFiles = await tokenizerFilesOf(files, settings);
      const folder = await createRun(storage, {
        formatVersion: 1,
        model: start.model,
        settings,
        ...(onnx && { onnx }),
        ...(threads !== undefined && { threads }),
      });
      return begun(folder, model, settings, count, tokenizerFiles, options);
    });
  }
  const stored = await openRun(storage);
  const step = (await stored.checkpoints()).at(-1);
  if (step === undefined && stored.config.settings.warmStart !== undefined) {
    // It was stopped in its warm start, which begins again.
    await stored.rewind(-1);
    const { settings } = stored.config;
    const files = await openFiles(stored.config.model);
    const count = await checkMachine(files, settings, options);
    const model = await openTrained(files, settings, runtime);
    return orPutAway(model, async () =>
      begun(stored, model, settings, count, await tokenizerFilesOf(files, settings), options),
    );
  }
  if (step === undefined) {
    throw new GrpoError(
      'no_run',
      `${storage.place} has no checkpoint yet: the run was stopped before its first. Remove the folder and start again.`,
    );
  }
  // Before anything is loaded, so that what may not change is refused at once.
  const folder = await stored.changed(step, start.change ?? {});
  // The trainer is made with the first weights, which a reference model keeps; then the present ones take their place.
  const { settings } = folder.config;
  const files = await storage.open(checkpointFolder(0), 'model');
  const count = await checkMachine(files, settings, options);
  const model = await openTrained(files, settings, runtime);
  return orPutAway(model, async () => {
    // A new adapter is the same every time; one that had a warm start is not.
    if (model.adapter && settings.warmStart !== undefined) await loadWeights(model, folder, 0);
    const { trainer, workers } = await makeTrainer(model, settings, count, options);
    await loadWeights(model, folder, step);
    const state = await folder.loadState(step);
    await trainer.restore(step, state.optimizer);
    await folder.rewind(step);
    const tokenizerFiles = await tokenizerFilesOf(files, settings);
    return { folder, model, trainer, workers, tokenizerFiles, best: state.best, watched: state.watched, isNew: false };
  });
}

/** A run at its beginning: its warm start done, its first weights not saved yet. */
async function begun(
  folder: StoredRun,
  model: LanguageModel,
  settings: TrainSettings,
  count: number,
  tokenizerFiles: TokenizerFiles,
  options: TrainRunOptions,
): Promise<Prepared> {
  const { onEvent, signal } = options;
  const tell = async (each: WarmStartProgress) => onEvent?.({ type: 'warm_start', ...each });
  const result = await beginWithFormat(model, settings, tell, signal);
  if (result) {
    await folder.append('metrics.jsonl', [{ type: 'warm_start', step: 0, ...result }]);
    await onEvent?.({ type: 'warm_started', ...result });
  }
  const made = await makeTrainer(model, settings, count, options);
  return { folder, model, ...made, tokenizerFiles, best: undefined, watched: NOTHING_WATCHED, isNew: true };
}

interface Prepared {
  readonly folder: StoredRun;
  readonly model: LanguageModel;
  readonly trainer: Trainer;
  readonly workers: SharedUpdates | undefined;
  readonly tokenizerFiles: TokenizerFiles;
  readonly best: Best | undefined;
  readonly watched: WatchState;
  /** It has no checkpoint yet. */
  readonly isNew: boolean;
}

/** Undefined where the work ended because it was asked to. */
async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
    throw error;
  }
}

/** What stands beside the weights, the game of the run among it. */
async function tokenizerFilesOf(files: ModelFiles, settings: TrainSettings): Promise<TokenizerFiles> {
  return new Map([
    ...(await completeTokenizerFiles(files)),
    [CARRIED_GAME_FILE, carriedGameText(carriedGameOf(settings))],
  ]);
}

async function orPutAway<T>(model: LanguageModel, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await putAway(model);
    throw error;
  }
}

/** Puts what was trained up to another checkpoint of the run into a model. */
async function loadWeights(model: LanguageModel, { storage }: StoredRun, step: number): Promise<void> {
  const folder = checkpointFolder(step);
  const { parameters } = model.adapter
    ? await readAdapter(await storage.open(folder, 'adapter'), model.config)
    : await readCheckpoint(await storage.open(folder, 'model'));
  await trainedParameters(model).set(parameters);
}

/** Puts the weights of a step into the model and writes it as the run's. */
async function finish(
  folder: StoredRun,
  model: LanguageModel,
  tokenizerFiles: TokenizerFiles,
  bestStep: number,
  step: number,
  result: object,
): Promise<void> {
  if (bestStep !== step) await loadWeights(model, folder, bestStep);
  await folder.writeFinal(model, tokenizerFiles, { steps: step, ...result });
}
