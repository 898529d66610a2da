// GRPO on a language model in a game: play groups of episodes, assign credit, take an optimizer step. A step is a
// function of (settings, seed, step number, weights, optimizer state) and of nothing else. Shards of it may be played
// and learned from elsewhere; what rests on the whole batch, and the update, is done here.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { LanguageModel } from '@ludic/inference';
import { type EnvironmentSpec, type Episode, type Evaluation, evaluate } from '@ludic/rollouts';
import { assertRoom } from '@ludic/rollouts/internal';
import { estimateAdvantages } from '../advantages/estimators.ts';
import { joinedTokens, promptNodesOf, samplesOf } from '../batching/batch.ts';
import { GrpoError } from '../errors.ts';
import { correctedMetrics, isDisagreement, lossMetrics, ROUNDING } from '../loss/loss-metrics.ts';
import type { OptimizerState } from '../optimizer/adamw.ts';
import { learningRateAt } from '../settings/schedule.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import { type HostTensors, LocalShards, learnerOf } from '../workers/local-shards.ts';
import { cutIntoShards, type Shard, type ShardRunner } from '../workers/shards.ts';
import type { Learner } from './learner.ts';
import { policyOf, specOf } from './played-spec.ts';
import { batchSummary, type LossMetrics, type StepMetrics } from './step-metrics.ts';

/** A training step that was taken: its numbers, its games, and what each turn was credited with. */
export interface StepReport {
  readonly metrics: StepMetrics;
  /** One group after the other. */
  readonly episodes: readonly Episode[];
  /** Per episode and turn. */
  readonly advantages: readonly Float64Array[];
}

interface PlayedBatch {
  readonly episodes: readonly Episode[];
  readonly zeroVarianceGroups: number;
  readonly resampledGroups: number;
}

/**
 * GRPO step by step, without files: `runStep` plays a batch, credits it and updates the model in place. `trainRun` adds
 * checkpoints, evaluations and watchdogs.
 * Source: https://arxiv.org/abs/2402.03300.
 */
export class Trainer {
  readonly settings: TrainSettings;
  readonly #model: LanguageModel;
  readonly #spec: EnvironmentSpec<EnvironmentDefinition>;
  readonly #shards: readonly Shard[];
  readonly #runner: ShardRunner;
  readonly #learner: Learner;
  #step = 0;
  #rateFactor = 1;

  /**
   * @param runner who plays the shards and finds their gradients, taken over; by default this process
   * @param reference the weights that the KL term holds the policy to, where this process is the runner; by default the model's
   * @throws GrpoError `bad_setting`; EnvironmentError for the environment and its config
   */
  static async create(
    model: LanguageModel,
    settings: TrainSettings,
    runner?: ShardRunner,
    reference?: HostTensors,
  ): Promise<Trainer> {
    checkSettings(settings);
    return new Trainer(model, settings, runner ?? (await LocalShards.create(model, settings, reference)));
  }

  private constructor(model: LanguageModel, settings: TrainSettings, runner: ShardRunner) {
    this.settings = settings;
    this.#model = model;
    this.#spec = specOf(settings);
    this.#shards = cutIntoShards(settings.batchSize / settings.groupSize, settings.shards);
    this.#runner = runner;
    this.#learner = learnerOf(model, settings);
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  /** From now on the learning rate is this share of what the settings say. */
  slowDown(share: number): void {
    this.#rateFactor = share;
  }

  optimizerState(): Promise<OptimizerState> {
    return this.#learner.optimizer.state();
  }

  /** Goes on after `step` steps; the model's parameters are those of that moment. The reference stays the first model. */
  async restore(step: number, optimizer: OptimizerState): Promise<void> {
    await this.#learner.optimizer.restore(optimizer);
    this.#step = step;
    this.#runner.weightsChanged();
  }

  /**
   * Plays one optimizer batch and learns from it, `numIterations` times.
   * @throws GrpoError `not_finite`, `disagreement`; PolicyError `prompt_too_long`, `not_finite`; the signal's reason
   */
  async runStep(signal?: AbortSignal): Promise<StepReport> {
    const { settings } = this;
    const step = this.#step + 1;
    const batch = await this.#play(step, signal);
    assertRoom(batch.episodes);
    const { groupSize } = settings;
    const groups = batch.episodes.map((_, i) => Math.floor(i / groupSize));
    const promptNodes = promptNodesOf(batch.episodes);
    const { advantages } = estimateAdvantages(batch.episodes, groups, settings, promptNodes);
    const replies = samplesOf(batch.episodes, advantages, settings, promptNodes);
    const samplesIn = ({ firstGroup, groups: own }: Shard) =>
      replies.slice(firstGroup * groupSize, (firstGroup + own) * groupSize).flat();
    const tasks = this.#shards.map((shard) => ({ shard, step, samples: samplesIn(shard) }));
    const regularization = 1 - (1 - settings.finalRegularization) * ((step - 1) / settings.steps);
    const coefficients = {
      beta: settings.loss.beta * regularization,
      entropyCoefficient: settings.loss.entropyCoefficient * regularization,
    };

    let first: { loss: number; metrics: LossMetrics } | undefined;
    let gradientNorm = 0;
    let skippedUpdates = 0;
    for (let iteration = 0; iteration < settings.numIterations; iteration++) {
      this.#learner.gradients.clear();
      const learned = await this.#runner.learn(
        tasks.map((task) => ({ ...task, iteration, coefficients })),
        this.#learner,
      );
      if (!first) {
        const tokens = joinedTokens(learned.map((shard) => shard.tokens));
        const loss = learned.reduce((sum, shard) => sum + shard.loss, 0);
        const metrics =
          settings.baseBits === undefined
            ? lossMetrics(settings.loss, tokens, settings.precision)
            : correctedMetrics(settings.loss, tokens);
        first = { loss, metrics };
        this.#assertSamplerTrainerMatch(step, first.metrics);
      }
      const norm = await this.#learner.step(this.#learningRate(step));
      this.#runner.weightsChanged();
      if (iteration === 0) gradientNorm = norm;
      if (norm === 0) skippedUpdates++;
    }
    this.#step = step;
    const metrics: StepMetrics = {
      step,
      ...batchSummary(batch.episodes),
      ...first!.metrics,
      loss: first!.loss,
      gradient_norm: gradientNorm,
      skipped_updates: skippedUpdates,
      learning_rate: this.#learningRate(step),
      zero_variance_groups: batch.zeroVarianceGroups,
      resampled_groups: batch.resampledGroups,
    };
    return { metrics, episodes: batch.episodes, advantages };
  }

  /** Plays the evaluation episodes of the run, always the same ones. @throws PolicyError `prompt_too_long` */
  async evaluate(signal?: AbortSignal): Promise<Evaluation> {
    const { evalEpisodes: episodes, evalTemperature, givenNotes, seed } = this.settings;
    const policy = policyOf(this.#model, this.settings, this.#spec, evalTemperature);
    try {
      return await evaluate({ ...this.#spec, policy, episodes, seed, givenNotes, signal });
    } finally {
      policy.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.#runner.dispose();
    await this.#learner.dispose();
  }

  #learningRate(step: number): number {
    return this.#rateFactor * learningRateAt(this.settings, step, this.settings.steps);
  }

  async #play(step: number, signal: AbortSignal | undefined): Promise<PlayedBatch> {
    const played = await this.#runner.play(
      this.#shards.map((shard) => ({ shard, step })),
      signal,
    );
    const groups = this.settings.batchSize / this.settings.groupSize;
    return {
      episodes: played.flatMap((shard) => shard.episodes),
      zeroVarianceGroups: played.reduce((sum, shard) => sum + shard.zeroVarianceGroups, 0) / groups,
      resampledGroups: played.reduce((sum, shard) => sum + shard.resampledGroups, 0),
    };
  }

  #assertSamplerTrainerMatch(step: number, metrics: LossMetrics): void {
    const { max_log_ratio: maxLogRatio, disagreement: mismatch } = metrics;
    const rounding = ROUNDING[this.settings.precision];
    if (!isDisagreement(metrics, this.settings.precision)) return;
    throw new GrpoError(
      'disagreement',
      `At step ${step} the trainer's log-probabilities differ from the sampler's by up to ${maxLogRatio.toExponential(2)}, ` +
        `for ${(100 * mismatch).toFixed(3)} % of the tokens by more than ${rounding}, which is more than rounding does. ` +
        (this.settings.precision === 'float16'
          ? 'A device that adds float16 in float16 may do more: train with precision float32.'
          : 'This is a fault of the program, not of your settings.'),
    );
  }
}
