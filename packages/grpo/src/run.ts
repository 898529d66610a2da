// A whole training run in its storage: steps, evaluations, checkpoints, resume. What happens is told to a listener;
// nothing here draws or prints.

import {
  CARRIED_GAME_FILE,
  type Companions,
  completeCompanions,
  type ModelFiles,
  readAdapter,
  readChatTemplate,
  readCheckpoint,
  readModelConfig,
  readTokenizer,
} from '@ludic/models';
import { carriedGameText, type LanguageModel, PromptEncoder, trainedParameters } from '@ludic/policies';
import { type Evaluation, episodeToJson } from '@ludic/rollouts';
import type { Runtime } from '@ludic/runtime';
import { GrpoError } from './errors.ts';
import {
  certainMemory,
  describeMemory,
  estimateMemory,
  gigabytes,
  type MemoryEstimate,
  memoryAdvice,
} from './memory.ts';
import { openTrained } from './open-trained.ts';
import { rehearse } from './rehearsal.ts';
import type { RunEvent, RunStart } from './run-events.ts';
import type { RunStorage } from './run-storage.ts';
import { CHANGEABLE } from './settings/changes.ts';
import type { ShardRunner } from './shards.ts';
import { type Best, checkpointFolder, createRun, openRun, type StoredRun } from './stored-run.ts';
import { carriedGameOf, tableOf } from './table.ts';
import { checkSettings, type TrainSettings } from './train-settings.ts';
import { type StepReport, Trainer } from './trainer.ts';

export interface ConductOptions {
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
  readonly status: 'finished' | 'interrupted';
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
/** Below this the policy hardly explores any more. */
const LOW_ENTROPY = 0.05;
/** A policy that was taught the format and gives more invalid replies than this has found that they pay. */
const MANY_INVALID = 0.3;

function firstEpisodes({ metrics: { step }, episodes, advantages }: StepReport): readonly KeptEpisode[] {
  if (step % KEEP_EVERY !== 1) return [];
  const kept = episodes.slice(0, KEPT_EPISODES);
  return kept.map((episode, i) => ({ step, ...episodeToJson(episode), advantages: Array.from(advantages[i]!) }));
}

export async function conductRun(start: RunStart, options: ConductOptions): Promise<RunResult> {
  const { clock, signal, keepEpisodes = firstEpisodes } = options;
  const emit = async (event: RunEvent) => options.onEvent?.(event);
  const { folder, model, trainer, workers, best: knownBest, companions } = await prepare(start, options);
  const { settings } = trainer;
  let best = knownBest;
  let evaluation: Evaluation | undefined;
  const peak = () => options.memory && options.memory.peak() + (workers?.peakMemory ?? 0);
  let savedStep = trainer.step;
  const save = async ({ again = false } = {}) => {
    if (savedStep === trainer.step && trainer.step > 0 && !again) return;
    await folder.saveCheckpoint(model, companions, {
      step: trainer.step,
      optimizer: await trainer.optimizerState(),
      best,
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
    const score = evaluation.meanReward;
    const isBest = !best || score > best.score || best.step === trainer.step;
    if (isBest) best = { step: trainer.step, score };
    return { evaluation, isBest, seconds: (clock() - began) / 1000 };
  };
  const tell = async ({ evaluation, isBest, seconds }: Awaited<ReturnType<typeof evaluate>>) => {
    await folder.append('metrics.jsonl', [
      { type: 'evaluation', step: trainer.step, ...evaluation, best: isBest, seconds },
    ]);
    await emit({ type: 'evaluation', step: trainer.step, evaluation, best: isBest, seconds });
  };
  try {
    if (start.kind === 'new') await save();
    await emit({ type: 'start', settings, step: trainer.step, model });
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
      const { metrics } = report;
      const seconds = (clock() - before) / 1000;
      const tokensPerSecond = (metrics.promptTokens + metrics.completionTokens) / seconds;
      const peakMemory = peak();
      await folder.append('metrics.jsonl', [
        { type: 'step', ...metrics, seconds, tokensPerSecond, ...(peakMemory !== undefined && { peakMemory }) },
      ]);
      await folder.append('episodes.jsonl', keepEpisodes(report, settings));
      await emit({ type: 'step', ...report, seconds, tokensPerSecond });
      if (metrics.entropy < LOW_ENTROPY && metrics.step % KEEP_EVERY === 1) {
        const message = `The entropy is ${metrics.entropy.toFixed(3)}: the policy hardly tries anything new. Lower the learning rate or raise the entropy coefficient.`;
        await emit({ type: 'warning', step: metrics.step, message });
      }
      if (metrics.invalidRate > MANY_INVALID && metrics.step % KEEP_EVERY === 1) {
        const message = `${Math.round(100 * metrics.invalidRate)} % of the replies are invalid. If the share grows, an endless game may pay more than a lost one: give the environment an invalid_penalty, and hold the policy near its first model with a beta of 0.1 or more.`;
        await emit({ type: 'warning', step: metrics.step, message });
      }
      if (isEvaluated(trainer.step)) {
        const found = await evaluate();
        await tell(found);
        if (found.isBest) await save();
      }
      if (trainer.step === settings.steps || trainer.step % settings.saveEvery === 0) await save();
    }
    await finish(folder, model, companions, best, trainer.step, evaluation);
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
async function checkMachine(files: ModelFiles, settings: TrainSettings, options: ConductOptions): Promise<number> {
  const { memory, workers, onEvent } = options;
  checkSettings(settings);
  tableOf(settings);
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
    const prompts = await rehearse(settings, encoder);
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
async function makeTrainer(model: LanguageModel, settings: TrainSettings, count: number, options: ConductOptions) {
  const workers = count > 1 ? options.workers?.make(count, model, settings, checkpointFolder(0)) : undefined;
  return { trainer: await Trainer.create(model, settings, workers), workers };
}

async function prepare(start: RunStart, options: ConductOptions) {
  const { storage, runtime, openFiles } = options;
  if (start.kind === 'new') {
    const files = await openFiles(start.model);
    const { settings, onnx, threads } = start;
    const count = await checkMachine(files, settings, options);
    const model = await openTrained(files, settings, runtime);
    return orPutAway(model, async () => {
      const companions = await companionsOf(files, settings);
      const folder = await createRun(storage, {
        formatVersion: 1,
        model: start.model,
        settings,
        ...(onnx && { onnx }),
        ...(threads !== undefined && { threads }),
      });
      const made = await makeTrainer(model, settings, count, options);
      return { folder, model, ...made, companions, best: undefined };
    });
  }
  const stored = await openRun(storage);
  const step = (await stored.checkpoints()).at(-1);
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
    const { trainer, workers } = await makeTrainer(model, settings, count, options);
    await loadWeights(model, folder, step);
    const state = await folder.loadState(step);
    await trainer.restore(step, state.optimizer);
    await folder.rewind(step);
    return { folder, model, trainer, workers, companions: await companionsOf(files, settings), best: state.best };
  });
}

/** What stands beside the weights, the game of the run among it. */
async function companionsOf(files: ModelFiles, settings: TrainSettings): Promise<Companions> {
  return new Map([...(await completeCompanions(files)), [CARRIED_GAME_FILE, carriedGameText(carriedGameOf(settings))]]);
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

async function finish(
  folder: StoredRun,
  model: LanguageModel,
  companions: Companions,
  best: Best | undefined,
  step: number,
  evaluation: Evaluation | undefined,
): Promise<void> {
  if (best && best.step !== step) await loadWeights(model, folder, best.step);
  await folder.writeFinal(model, companions, { steps: step, best, evaluation });
}
