// A whole training run in its storage: steps, evaluations, checkpoints, what the watchdogs find. Events go to a listener;
// nothing here draws or prints.

import { type Evaluation, episodeToJson } from '@ludic/rollouts';
import { GrpoError } from '../errors.ts';
import { callAfter, callBefore } from '../plugins/callbacks.ts';
import { CHANGEABLE } from '../settings/changes.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import type { StepReport } from '../trainer/trainer.ts';
import { watchedOf } from '../watchdogs/rules.ts';
import type { WatchState } from '../watchdogs/state.ts';
import { afterCollapse, watch } from '../watchdogs/watch.ts';
import { evaluationScore, type SampledRate, sampledBeside } from './evaluation-score.ts';
import { disposeOf, loadWeights, type PreparedRun, prepareRun } from './prepare.ts';
import type { KeptEpisode, RunEvent, RunResult, RunStart, TrainRunOptions } from './run-options.ts';
import type { Best } from './stored-run.ts';

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

/**
 * Trains from the start, or from the newest checkpoint, to the last step. A run that was stopped at any moment and is
 * resumed ends with the same weights, bit for bit, as one that was not.
 * @throws GrpoError, see `GrpoErrorCode`; what `onEvent` throws. An abort by the signal is a result, not an error.
 */
export async function trainRun(start: RunStart, options: TrainRunOptions): Promise<RunResult> {
  const { signal, memory } = options;
  let prepared: PreparedRun;
  try {
    prepared = await prepareRun(start, options);
  } catch (error) {
    if (!signal?.aborted || error !== signal.reason) throw error;
    return { status: 'interrupted', step: 0, best: undefined, evaluation: undefined, peakMemory: memory?.peak() };
  }
  const run = new TrainingRun(prepared, options);
  try {
    return await run.train();
  } catch (error) {
    if (!signal?.aborted) throw resumable(error, run.savedStep);
    return await run.interrupt();
  } finally {
    await disposeOf(prepared.model, prepared.trainer);
  }
}

/** Numbers that overflowed would overflow again: the error says what may be changed to get past them. */
function resumable(error: unknown, step: number): unknown {
  const { code, name, message } = error as Error & { readonly code?: string };
  if (code !== 'not_finite' || (name !== 'GrpoError' && name !== 'PolicyError')) return error;
  const way = `The run is kept up to step ${step}: resume it with another ${CHANGEABLE.slice(0, -1).join(', ')} or ${CHANGEABLE.at(-1)}.`;
  return new GrpoError('not_finite', `${message} ${way}`, { cause: error });
}

interface EvaluationOutcome {
  readonly evaluation: Evaluation;
  readonly sampled: SampledRate | undefined;
  readonly isBest: boolean;
  readonly seconds: number;
}

class TrainingRun {
  readonly #run: PreparedRun;
  readonly #options: TrainRunOptions;
  #best: Best | undefined;
  #watched: WatchState;
  #evaluation: Evaluation | undefined;
  /** Why a callback has ended the run with this step. */
  #ending: string | undefined;
  /** What callbacks are told of the steps so far. */
  readonly #steps: LoggedStepMetrics[];
  /** The step of the newest checkpoint. */
  savedStep: number;

  constructor(run: PreparedRun, options: TrainRunOptions) {
    this.#run = run;
    this.#options = options;
    this.#best = run.best;
    this.#watched = run.watched;
    this.#ending = run.ending;
    this.#steps = [...run.log];
    this.savedStep = this.#step;
    run.trainer.slowDown(2 ** -run.watched.reverts);
  }

  get #step(): number {
    return this.#run.trainer.step;
  }

  get #settings(): TrainSettings {
    return this.#run.trainer.settings;
  }

  async train(): Promise<RunResult> {
    const { model, isNew } = this.#run;
    const { steps, saveEvery } = this.#settings;
    if (isNew) await this.#save();
    const known = await watchedOf(this.#settings, model);
    await this.#emit({ type: 'start', settings: this.#settings, step: this.#step, model });
    for (const message of [...(model.warnings ?? []), ...this.#run.warnings]) await this.#warn(message);
    if (!isNew) await this.#catchUp();
    while (this.#step < steps && this.#ending === undefined) {
      const metrics = await this.#takeStep();
      const { state, warnings, collapse } = watch(this.#watched, metrics, known);
      this.#watched = state;
      for (const message of warnings) await this.#warn(message);
      const reason = collapse === undefined ? undefined : await this.#answer(collapse);
      if (reason !== undefined) return { ...this.#result('stopped'), reason };
      if (this.#isEvaluated()) {
        const evaluated = await this.#evaluate();
        await this.#log(evaluated);
        if (evaluated.isBest) await this.#save();
      }
      if (this.#isLast() || this.#step % saveEvery === 0) await this.#save();
    }
    const reason = this.#step < steps ? this.#ending : undefined;
    await this.#finish(this.#best?.step ?? this.#step, reason === undefined ? {} : { ended_early: reason });
    return { ...this.#result('finished'), ...(reason !== undefined && { reason }) };
  }

  /** Ends the run after the last whole step. */
  async interrupt(): Promise<RunResult> {
    await this.#run.folder.rewind(this.#step);
    await this.#save();
    return this.#result('interrupted');
  }

  /** Evaluates the checkpoint where the run was stopped in its evaluation. */
  async #catchUp(): Promise<void> {
    if (!this.#isEvaluated()) return;
    this.#evaluation = await this.#run.folder.evaluationAt(this.#step);
    if (this.#evaluation) return;
    // The checkpoint is there already, so the line in the log comes last.
    const evaluated = await this.#evaluate();
    if (evaluated.isBest) await this.#save({ again: true });
    await this.#log(evaluated);
  }

  async #takeStep(): Promise<LoggedStepMetrics> {
    const { clock, signal, keepEpisodes = firstEpisodes, callbacks = {} } = this.#options;
    const { trainer, folder } = this.#run;
    const coming = { step: this.#step + 1, settings: this.#settings, log: this.#steps };
    await this.#kept(callBefore(callbacks, coming));
    const before = clock();
    const report = await trainer.runStep(signal);
    const seconds = (clock() - before) / 1000;
    const { prompt_tokens, completion_tokens } = report.metrics;
    const peakMemory = this.#peakMemory();
    const measured: LoggedStepMetrics = {
      ...report.metrics,
      seconds,
      tokens_per_second: (prompt_tokens + completion_tokens) / Math.max(seconds, 1e-3),
      ...(peakMemory !== undefined && { peak_memory: peakMemory }),
    };
    const log = (metrics: LoggedStepMetrics) => folder.append('metrics.jsonl', [{ type: 'step', ...metrics }]);
    const said = callAfter(callbacks, { ...coming, ...report, metrics: measured });
    const { metrics: own, stop } = await this.#kept(said, () => log(measured));
    if (stop !== undefined) this.#ending = `The run was ended after step ${this.#step}: ${stop}.`;
    const metrics = { ...measured, ...own };
    await log(metrics);
    await folder.append('episodes.jsonl', keepEpisodes(report, this.#settings));
    if (Object.keys(callbacks).length > 0) this.#steps.push(metrics);
    await this.#emit({ type: 'step', ...report, metrics });
    return metrics;
  }

  /** What a callback gives; where it fails, the steps that were taken are kept. */
  async #kept<T>(given: Promise<T>, first?: () => Promise<void>): Promise<T> {
    try {
      return await given;
    } catch (error) {
      await first?.();
      await this.#save();
      throw error;
    }
  }

  /** Does what the settings say about a collapse. Returns why the run ends, where it does. */
  async #answer(collapse: string): Promise<string | undefined> {
    const { onCollapse } = this.#settings;
    const { reverts } = this.#watched;
    const goesBack = onCollapse === 'revert' && reverts < MOST_REVERTS;
    this.#watched = afterCollapse(this.#watched, goesBack ? reverts + 1 : reverts);
    const bestStep = this.#best?.step ?? 0;
    if (goesBack) {
      await this.#revertTo(bestStep);
      await this.#warn(`${collapse} The run goes on from the model of step ${bestStep} with half the learning rate.`);
      return undefined;
    }
    if (onCollapse === 'warn') {
      await this.#warn(`${collapse} The run goes on, as on_collapse is warn.`);
      return undefined;
    }
    await this.#save();
    const reason = `${collapse} The run was stopped after step ${this.#step}; its model is that of step ${bestStep}.`;
    await this.#warn(reason);
    await this.#finish(bestStep, { stopped: reason });
    return reason;
  }

  async #revertTo(step: number): Promise<void> {
    const { model, folder, trainer } = this.#run;
    await loadWeights(model, folder, step);
    await trainer.restore(this.#step, (await folder.loadState(step)).optimizer);
    trainer.slowDown(2 ** -this.#watched.reverts);
    await this.#save();
  }

  #isEvaluated(): boolean {
    const { evalEvery } = this.#settings;
    return this.#step > 0 && (this.#isLast() || (evalEvery > 0 && this.#step % evalEvery === 0));
  }

  #isLast(): boolean {
    return this.#step === this.#settings.steps || this.#ending !== undefined;
  }

  async #evaluate(): Promise<EvaluationOutcome> {
    const { clock, signal } = this.#options;
    const { trainer, folder } = this.#run;
    const began = clock();
    const evaluation = await trainer.evaluate(signal);
    this.#evaluation = evaluation;
    const sampled = sampledBeside(this.#settings, await folder.stepAt(this.#step));
    const score = evaluationScore(evaluation, sampled);
    const isBest = !this.#best || score > this.#best.score || this.#best.step === this.#step;
    if (isBest) this.#best = { step: this.#step, score };
    return { evaluation, sampled, isBest, seconds: (clock() - began) / 1000 };
  }

  async #log({ evaluation, sampled, isBest, seconds }: EvaluationOutcome): Promise<void> {
    const place = { type: 'evaluation', step: this.#step } as const;
    const beside = { temperature: this.#settings.evalTemperature, best: isBest, seconds };
    await this.#run.folder.append('metrics.jsonl', [{ ...place, ...evaluation, ...sampled, ...beside }]);
    await this.#emit({ ...place, evaluation, ...(sampled && { sampled }), ...beside });
  }

  /** Writes a checkpoint, unless this step has one. */
  async #save({ again = false } = {}): Promise<void> {
    const { folder, model, trainer, tokenizerFiles } = this.#run;
    if (this.savedStep === this.#step && this.#step > 0 && !again) return;
    const optimizer = await trainer.optimizerState();
    await folder.saveCheckpoint(model, tokenizerFiles, {
      step: this.#step,
      optimizer,
      best: this.#best,
      watched: this.#watched,
      ending: this.#ending,
    });
    await folder.prune(this.#best);
    this.savedStep = this.#step;
    await this.#emit({ type: 'checkpoint', step: this.#step });
  }

  /** Puts the weights of a step into the model and writes it as the run's. */
  async #finish(bestStep: number, more: { readonly stopped?: string; readonly ended_early?: string }): Promise<void> {
    const { folder, model, tokenizerFiles } = this.#run;
    if (bestStep !== this.#step) await loadWeights(model, folder, bestStep);
    const result = { steps: this.#step, best: this.#best, evaluation: this.#evaluation, ...more };
    await folder.writeFinal(model, tokenizerFiles, result);
  }

  #result(status: RunResult['status']): RunResult {
    return {
      status,
      step: this.#step,
      best: this.#best,
      evaluation: this.#evaluation,
      peakMemory: this.#peakMemory(),
    };
  }

  #peakMemory(): number | undefined {
    const { memory } = this.#options;
    return memory && memory.peak() + (this.#run.workers?.peakMemory ?? 0);
  }

  async #emit(event: RunEvent): Promise<void> {
    await this.#options.onEvent?.(event);
  }

  #warn(message: string): Promise<void> {
    return this.#emit({ type: 'warning', step: this.#step, message });
  }
}
