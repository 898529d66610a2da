// How an update is cut: a shard is a range of its groups. Any process that plays a shard gives the same episodes
// and the same gradient; the gradients are added up in the order of the shards.

import type { Episode } from '@ludic/rollouts';
import type { HostTensor } from '@ludic/runtime';
import type { Sample } from '../batching/samples.ts';
import type { TokenBatch } from '../loss/loss-metrics.ts';
import type { LossCoefficients } from '../settings/loss-settings.ts';
import type { Learner } from '../trainer/learner.ts';

/** Neighbouring groups of a step. */
export interface Shard {
  /** Its place among the shards. */
  readonly index: number;
  readonly firstGroup: number;
  readonly groups: number;
}

/** `shards` ranges of groups, as even as can be: their sizes differ by at most one. */
export function cutIntoShards(groups: number, shards: number): Shard[] {
  const begin = (index: number) => Math.floor((index * groups) / shards);
  return Array.from({ length: shards }, (_, index) => ({
    index,
    firstGroup: begin(index),
    groups: begin(index + 1) - begin(index),
  }));
}

/** The groups of a shard are played as a batch of their own. */
export interface PlayTask {
  readonly shard: Shard;
  /** The first is 1. */
  readonly step: number;
}

/** The games of a shard, complete, before advantages are known. */
export interface PlayedShard {
  /** Group after group. */
  readonly episodes: readonly Episode[];
  /** How many of its groups, as first drawn, had equal rewards. */
  readonly zeroVarianceGroups: number;
  /** How many groups dynamic sampling drew again. */
  readonly resampledGroups: number;
}

/** Advantages and weights rest on the whole batch, so they are known only when all shards have been played. */
export interface LearnTask {
  readonly shard: Shard;
  readonly step: number;
  /** Which pass over the batch, from 0. */
  readonly iteration: number;
  readonly samples: readonly Sample[];
  readonly coefficients: LossCoefficients;
}

/** What a shard adds to its batch; its gradient is in the sums of the learner already. */
export interface LearnedShard {
  /** The shard's part of the loss: those of all shards add up to that of the batch. */
  readonly loss: number;
  /** The tokens of its samples, under the weights that the gradient was taken at. */
  readonly tokens: TokenBatch;
}

/** Plays shards and finds their gradients, here or elsewhere. Answers are in the order of the tasks. */
export interface ShardRunner {
  play(tasks: readonly PlayTask[], signal?: AbortSignal): Promise<readonly PlayedShard[]>;
  /** Adds the gradients to the sums of `learner`, one shard after the other in the order of the tasks. */
  learn(tasks: readonly LearnTask[], learner: Learner): Promise<readonly LearnedShard[]>;
  /** To be called after every change of the weights. */
  weightsChanged(): void;
  dispose(): Promise<void>;
}

/**
 * Adds gradients that arrive in any order to the sums of a learner in the order of their shards.
 * @returns takes the gradient of a shard, which is empty where there was nothing to learn from; one that arrives early is kept
 */
export function addedInOrder(
  learner: Learner,
): (shard: number, gradients: Readonly<Record<string, HostTensor>>) => Promise<void> {
  const early = new Map<number, Readonly<Record<string, HostTensor>>>();
  let next = 0;
  let adding = Promise.resolve();
  const addKnown = async () => {
    for (let gradients = early.get(next); gradients; gradients = early.get(next)) {
      early.delete(next++);
      if (Object.keys(gradients).length > 0) await learner.gradients.addPart(gradients);
    }
  };
  return (shard, gradients) => {
    early.set(shard, gradients);
    adding = adding.then(addKnown);
    return adding;
  };
}
