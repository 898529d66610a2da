// Shards played and learned from in this process, one after the other. A process that serves others does its part of
// an update with the same code.

import type { LanguageModel } from '@ludic/inference';
import type { LanguageModelPolicy } from '@ludic/policies';
import { type Episode, groupStarts } from '@ludic/rollouts';
import { type PreparedEpisodes, playPrepared, prepareEpisodes } from '@ludic/rollouts/internal';
import { type HostTensor, ResidentTensors } from '@ludic/runtime';
import { flatTokens } from '../batching/batch.ts';
import type { Sample } from '../batching/samples.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { Learner } from '../trainer/learner.ts';
import { policyOf, specOf } from '../trainer/played-spec.ts';
import type { LearnedShard, LearnTask, PlayedShard, PlayTask, ShardRunner } from './shards.ts';

/** Weights by their names. */
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** What a run learns with. */
export function learnerOf(model: LanguageModel, settings: TrainSettings): Learner {
  const { runtime, config, parameters, adapter } = model;
  const { loss: objective, numIterations, ...same } = settings;
  return new Learner({ ...same, runtime, config, parameters, adapter, objective, repeated: numIterations > 1 });
}

/** What scores samples under the reference policy. */
interface Reference {
  readonly learner: Learner;
  /** Its own weights; undefined where they are those of the model, which training leaves alone. */
  readonly copy: ResidentTensors | undefined;
}

/** @param given the weights of the reference; by default those that the model has now */
async function referenceOf(
  model: LanguageModel,
  settings: TrainSettings,
  given: HostTensors | undefined,
): Promise<Reference | undefined> {
  if (settings.loss.beta === 0) return undefined;
  const { parameters, adapter } = model;
  const learnerWith = (own: Partial<LanguageModel>) => learnerOf({ ...model, ...own }, settings);
  if (given) {
    const copy = await ResidentTensors.of(model.runtime, given);
    return { learner: learnerWith({ parameters: copy, adapter: undefined }), copy };
  }
  if (!adapter) {
    const copy = await parameters.copy();
    return { learner: learnerWith({ parameters: copy }), copy };
  }
  // A new adapter changes nothing, and the model itself is never changed. After a warm start the adapter counts.
  if (settings.warmStart === undefined) return { learner: learnerWith({ adapter: undefined }), copy: undefined };
  const copy = await adapter.parameters.copy();
  return { learner: learnerWith({ adapter: { ...adapter, parameters: copy } }), copy };
}

export class LocalShards implements ShardRunner {
  readonly #settings: TrainSettings;
  readonly #spec: PreparedEpisodes;
  readonly #policy: LanguageModelPolicy;
  readonly #reference: Reference | undefined;
  /** What later passes over a batch need again, by shard. */
  #known: { readonly step: number; readonly samples: Map<number, readonly Sample[]> } | undefined;

  /** @param reference the weights of the reference policy; by default those that the model has now */
  static async create(model: LanguageModel, settings: TrainSettings, reference?: HostTensors): Promise<LocalShards> {
    return new LocalShards(model, settings, await referenceOf(model, settings, reference));
  }

  private constructor(model: LanguageModel, settings: TrainSettings, reference: Reference | undefined) {
    this.#settings = settings;
    this.#spec = prepareEpisodes(specOf(settings));
    this.#policy = policyOf(model, settings, this.#spec, settings.temperature);
    this.#reference = reference;
  }

  async play(tasks: readonly PlayTask[], signal?: AbortSignal): Promise<readonly PlayedShard[]> {
    const played: PlayedShard[] = [];
    for (const task of tasks) played.push(await this.#play(task, signal));
    return played;
  }

  async learn(tasks: readonly LearnTask[], learner: Learner): Promise<readonly LearnedShard[]> {
    const learned: LearnedShard[] = [];
    for (const task of tasks) {
      const { samples, logprobs, loss } = await learner.accumulate(await this.#samplesOf(task), task.coefficients);
      if (task.iteration === 0 && this.#settings.numIterations > 1) this.#remember(task, samples, logprobs);
      if (tasks.length > 1) await learner.gradients.endPart();
      learned.push({ loss, tokens: flatTokens(samples, logprobs) });
    }
    return learned;
  }

  weightsChanged(): void {
    this.#policy.weightsChanged();
  }

  async dispose(): Promise<void> {
    this.#policy.dispose();
    await this.#reference?.learner.dispose();
    this.#reference?.copy?.dispose();
  }

  /** Plays the groups of a shard. Groups that teach nothing are replaced, as far as the settings allow. */
  async #play({ shard, step }: PlayTask, signal: AbortSignal | undefined): Promise<PlayedShard> {
    const { seed, groupSize, batchSize, sharedDynamics, dynamicSamplingRounds, givenNotes } = this.#settings;
    const groupsOfStep = batchSize / groupSize;
    // What another shard has computed would be found again, with the rounding of another batch.
    this.#policy.weightsChanged();
    const played = new Map<number, readonly Episode[]>();
    const all = Array.from({ length: shard.groups }, (_, i) => shard.firstGroup + i);
    let open = all;
    let zeroVarianceGroups = 0;
    let resampledGroups = 0;
    for (let round = 0; ; round++) {
      // Group g of round r is group g + r · groups of the step: rounds change no other group.
      const starts = open.flatMap((g) =>
        groupStarts({ seed, step, groups: 1, firstGroup: g + round * groupsOfStep, groupSize, sharedDynamics }),
      );
      const episodes = await playPrepared(this.#spec, { policy: this.#policy, starts, signal, givenNotes });
      for (const [i, g] of open.entries()) played.set(g, episodes.slice(i * groupSize, (i + 1) * groupSize));
      const zeroVariance = open.filter((g) => {
        // An episode that could not be scored says nothing of its group.
        const scored = played.get(g)!.filter(({ endReason }) => endReason !== 'failed');
        return scored.every(({ reward }) => reward === scored[0]!.reward);
      });
      if (round === 0) zeroVarianceGroups = zeroVariance.length;
      if (round === dynamicSamplingRounds || zeroVariance.length === 0) break;
      resampledGroups += zeroVariance.length;
      open = zeroVariance;
    }
    return { episodes: all.flatMap((g) => played.get(g)!), zeroVarianceGroups, resampledGroups };
  }

  async #samplesOf({ shard, step, iteration, samples }: LearnTask): Promise<readonly Sample[]> {
    const known = this.#known?.step === step ? this.#known.samples.get(shard.index) : undefined;
    if (known && iteration > 0) return known;
    if (!this.#reference) return samples;
    const scored = await this.#reference.learner.score(samples);
    return scored.samples.map((sample, i) => ({ ...sample, referenceLogprobs: scored.logprobs[i]! }));
  }

  #remember({ shard, step }: LearnTask, samples: readonly Sample[], logprobs: readonly Float32Array[]): void {
    if (this.#known?.step !== step) this.#known = { step, samples: new Map() };
    const own = this.#settings.baseBits === undefined ? samples : withTrainer(samples, logprobs);
    this.#known.samples.set(shard.index, own);
  }
}

/** @param logprobs as the trainer took them before the first update */
const withTrainer = (samples: readonly Sample[], logprobs: readonly Float32Array[]): readonly Sample[] =>
  samples.map((sample, i) => ({ ...sample, trainerLogprobs: logprobs[i]! }));
