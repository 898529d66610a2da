// GRPO on a language model in a game: play groups of episodes, assign credit, take an optimizer step. A step is a
// function of (settings, seed, step number, weights, optimizer state) and of nothing else.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { type LanguageModel, LanguageModelPolicy, type SamplingSettings } from '@ludic/policies';
import { type Episode, type Evaluation, evaluate, groupStarts, playEpisodes } from '@ludic/rollouts';
import type { ResidentTensors } from '@ludic/runtime';
import { assignCredit } from './credit.ts';
import { GrpoError } from './errors.ts';
import { Learner, type OptimizerState } from './learner.ts';
import { type LossMetrics, lossMetrics, ROUNDING } from './metrics.ts';
import type { Sample } from './samples.ts';
import { learningRateAt } from './schedule.ts';
import { type BatchSummary, batchSummary } from './summary.ts';
import { checkSettings, type TrainSettings } from './train-settings.ts';
import { tokenWeights } from './weights.ts';

export interface StepMetrics extends BatchSummary, LossMetrics {
  /** The first is 1. */
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Share of the groups, as first drawn, whose rewards are all equal. */
  readonly zeroVarianceGroups: number;
  readonly resampledGroups: number;
}

export interface StepReport {
  readonly metrics: StepMetrics;
  readonly episodes: readonly Episode[];
}

interface Batch {
  readonly episodes: readonly Episode[];
  readonly groups: readonly number[];
  readonly zeroVarianceGroups: number;
  readonly resampledGroups: number;
}

export class Trainer {
  readonly settings: TrainSettings;
  readonly #model: LanguageModel;
  readonly #definition: EnvironmentDefinition;
  readonly #config: unknown;
  readonly #policy: LanguageModelPolicy;
  readonly #learner: Learner;
  readonly #reference: Learner | undefined;
  readonly #firstParameters: ResidentTensors | undefined;
  #step = 0;

  /** @throws GrpoError `bad_setting`; EnvironmentError for the environment and its config */
  static async create(model: LanguageModel, settings: TrainSettings): Promise<Trainer> {
    checkSettings(settings);
    if (settings.loss.beta === 0) return new Trainer(model, settings, undefined);
    // With an adapter the model itself is the reference: it never changes.
    const reference = model.adapter ? model.parameters : await model.parameters.copy();
    return new Trainer(model, settings, reference);
  }

  private constructor(model: LanguageModel, settings: TrainSettings, reference: ResidentTensors | undefined) {
    this.settings = settings;
    this.#model = { ...model, precision: settings.precision };
    this.#definition = findEnvironment(settings.environment);
    this.#config = resolveConfig(this.#definition, settings.environmentConfig);
    this.#policy = this.#policyFor({ temperature: settings.temperature, topK: 0, topP: 1 });
    const { runtime, config, parameters, adapter } = model;
    const common = {
      runtime,
      config,
      objective: settings.loss,
      adamw: settings.adamw,
      temperature: settings.temperature,
      tokenBudget: settings.tokenBudget,
      gradientCheckpointing: settings.gradientCheckpointing,
      precision: settings.precision,
      repeated: settings.numIterations > 1,
    };
    this.#learner = new Learner({ ...common, parameters, ...(adapter && { adapter }) });
    this.#firstParameters = reference;
    this.#reference = reference && new Learner({ ...common, parameters: reference });
  }

  /** Steps done. */
  get step(): number {
    return this.#step;
  }

  optimizerState(): Promise<OptimizerState> {
    return this.#learner.optimizerState();
  }

  /** Goes on after `step` steps; the model's parameters are those of that moment. The reference stays the first model. */
  async restore(step: number, optimizer: OptimizerState): Promise<void> {
    await this.#learner.restore(optimizer);
    this.#step = step;
    this.#policy.weightsChanged();
  }

  /** One optimizer batch. */
  async runStep(signal?: AbortSignal): Promise<StepReport> {
    const { settings } = this;
    const step = this.#step + 1;
    const batch = await this.#play(step, signal);
    const { advantages } = assignCredit(batch.episodes, batch.groups, settings);
    const samples = await this.#withReference(samplesOf(batch.episodes, advantages, settings));
    const learningRate = learningRateAt(settings, step, settings.steps);
    const exploration = 1 - (1 - settings.finalExploration) * ((step - 1) / settings.steps);
    const coefficients = {
      beta: settings.loss.beta * exploration,
      entropyCoefficient: settings.loss.entropyCoefficient * exploration,
    };

    let first: { loss: number; metrics: LossMetrics } | undefined;
    let gradientNorm = 0;
    for (let iteration = 0; iteration < settings.numIterations; iteration++) {
      this.#learner.clearGradients();
      const scored = await this.#learner.accumulate(samples, coefficients);
      if (!first) {
        const tokens = flatTokens(scored.samples, scored.logprobs);
        first = { loss: scored.loss, metrics: lossMetrics(settings.loss, tokens, settings.precision) };
        this.#assertAgreement(step, first.metrics);
      }
      const norm = await this.#learner.step(learningRate);
      if (iteration === 0) gradientNorm = norm;
    }
    this.#policy.weightsChanged();
    this.#step = step;
    const metrics: StepMetrics = {
      step,
      ...batchSummary(batch.episodes),
      ...first!.metrics,
      loss: first!.loss,
      gradientNorm,
      learningRate,
      zeroVarianceGroups: batch.zeroVarianceGroups,
      resampledGroups: batch.resampledGroups,
    };
    return { metrics, episodes: batch.episodes };
  }

  /** Plays the evaluation episodes of the run, always the same ones. */
  async evaluate(signal?: AbortSignal): Promise<Evaluation> {
    const { settings } = this;
    const policy = this.#policyFor({ temperature: settings.evalTemperature, topK: 0, topP: 1 });
    try {
      return await evaluate({
        ...this.#table(),
        policy,
        episodes: settings.evalEpisodes,
        seed: settings.seed,
        ...(signal && { signal }),
      });
    } finally {
      policy.dispose();
    }
  }

  async dispose(): Promise<void> {
    this.#policy.dispose();
    await this.#learner.dispose();
    await this.#reference?.dispose();
    if (!this.#model.adapter) this.#firstParameters?.dispose();
  }

  #policyFor(sampling: SamplingSettings): LanguageModelPolicy {
    const { maxCompletionLength } = this.settings;
    return new LanguageModelPolicy(this.#model, {
      ...sampling,
      maxCompletionLength,
      stop: [`</${this.#definition.replyTag}>`],
    });
  }

  #table() {
    return { definition: this.#definition, config: this.#config, history: this.settings.history };
  }

  /** Plays the groups of a step. Groups that teach nothing are replaced, as far as the settings allow. */
  async #play(step: number, signal: AbortSignal | undefined): Promise<Batch> {
    const { seed, groupSize, batchSize, sharedDynamics, resampleRounds } = this.settings;
    const groups = batchSize / groupSize;
    const played: (readonly Episode[])[] = [];
    let open = Array.from({ length: groups }, (_, g) => g);
    let zeroVarianceGroups = 0;
    let resampledGroups = 0;
    for (let round = 0; ; round++) {
      // Group g of round r is group g + r · groups of the step: rounds change no other group.
      const starts = open.flatMap((g) =>
        groupStarts({ seed, step, groups: 1, firstGroup: g + round * groups, groupSize, sharedDynamics }),
      );
      const episodes = await playEpisodes({
        ...this.#table(),
        policy: this.#policy,
        starts,
        ...(signal && { signal }),
      });
      for (const [i, g] of open.entries()) played[g] = episodes.slice(i * groupSize, (i + 1) * groupSize);
      const flat = open.filter((g) => played[g]!.every(({ reward }) => reward === played[g]![0]!.reward));
      if (round === 0) zeroVarianceGroups = flat.length / groups;
      if (round === resampleRounds || flat.length === 0) break;
      resampledGroups += flat.length;
      open = flat;
    }
    return {
      episodes: played.flat(),
      groups: played.flatMap((group, g) => group.map(() => g)),
      zeroVarianceGroups,
      resampledGroups,
    };
  }

  async #withReference(samples: readonly Sample[]): Promise<readonly Sample[]> {
    if (!this.#reference) return samples;
    const scored = await this.#reference.score(samples);
    return scored.samples.map((sample, i) => ({ ...sample, referenceLogprobs: scored.logprobs[i]! }));
  }

  #assertAgreement(step: number, { maxLogRatio, disagreement }: LossMetrics): void {
    const rounding = ROUNDING[this.settings.precision];
    if (maxLogRatio <= rounding) return;
    throw new GrpoError(
      'disagreement',
      `At step ${step} the trainer's log-probabilities differ from the sampler's by up to ${maxLogRatio.toExponential(2)}, ` +
        `for ${(100 * disagreement).toFixed(3)} % of the tokens by more than ${rounding}, which is the most that rounding may do. ` +
        (this.settings.precision === 'float16'
          ? 'A device that adds float16 in float16 may do more: train with precision float32.'
          : 'This is a fault of the program, not of your settings.'),
    );
  }
}

/** The replies of a batch that count, each with its advantage and its weight in the loss. */
export function samplesOf(
  episodes: readonly Episode[],
  advantages: readonly Float64Array[],
  settings: TrainSettings,
): Sample[] {
  const counts = (episode: Episode) => (turn: Episode['turns'][number]) =>
    turn.reply.tokens !== undefined &&
    episode.endReason !== 'failed' &&
    !(settings.maskTruncatedCompletions && turn.reply.finish === 'length');
  const tokenCounts = episodes.map((episode) =>
    episode.turns.filter(counts(episode)).reduce((sum, turn) => sum + turn.reply.tokens!.completion.length, 0),
  );
  const batchTokens = tokenCounts.reduce((a, b) => a + b, 0);
  const weights = tokenWeights(tokenCounts, {
    lossType: settings.loss.lossType,
    maxCompletionLength: settings.maxCompletionLength,
    batchTokens,
  });
  const samples: Sample[] = [];
  for (const [i, episode] of episodes.entries()) {
    const counted = counts(episode);
    for (const [t, turn] of episode.turns.entries()) {
      if (!counted(turn)) continue;
      const { prompt, completion, logprobs } = turn.reply.tokens!;
      samples.push({ prompt, completion, oldLogprobs: logprobs, advantage: advantages[i]![t]!, weight: weights[i]! });
    }
  }
  return samples;
}

/** What `lossMetrics` wants, from samples and their present log-probabilities. A sequence is one reply. */
function flatTokens(samples: readonly Sample[], logprobs: readonly Float32Array[]) {
  const tokens = samples.reduce((sum, sample) => sum + sample.completion.length, 0);
  const flat = {
    logprobs: new Float32Array(tokens),
    oldLogprobs: new Float32Array(tokens),
    referenceLogprobs: new Float32Array(tokens),
    advantages: new Float32Array(tokens),
  };
  const sequenceOf = new Int32Array(tokens);
  let at = 0;
  for (const [s, sample] of samples.entries()) {
    const end = at + sample.completion.length;
    flat.logprobs.set(logprobs[s]!, at);
    flat.oldLogprobs.set(sample.oldLogprobs, at);
    if (sample.referenceLogprobs) flat.referenceLogprobs.set(sample.referenceLogprobs, at);
    flat.advantages.fill(sample.advantage, at, end);
    sequenceOf.fill(s, at, end);
    at = end;
  }
  return { ...flat, sequenceOf, sequences: samples.length };
}
