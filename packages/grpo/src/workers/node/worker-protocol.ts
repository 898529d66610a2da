// Messages between a run and its workers. Large tensors go one by one, so that no copy of all weights is on the way.

import type { SerializedError } from '@ludic/io';
import type { NodeRuntimeOptions } from '@ludic/runtime/node';
import type { TrainSettings } from '../../settings/train-settings.ts';
import type { LearnedShard, LearnTask, PlayedShard, PlayTask } from '../shards.ts';

/** File descriptor of a worker that says why it ended, where it could say nothing else. */
export const LAST_WORDS = 4;

/** What a worker makes its model and its policy of. */
export interface WorkerSetup {
  /** A folder with the first weights of the run. */
  readonly model: string;
  readonly settings: TrainSettings;
  /** The same as the run's own: threads decide how sums are rounded. */
  readonly runtime: NodeRuntimeOptions;
  /** Longest time in one call of a game; by default for ever. */
  readonly stepTimeoutSeconds?: number;
}

export interface SentTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** `weight` has no answer; all others have one. */
export type ToWorker =
  | { readonly kind: 'open'; readonly setup: WorkerSetup }
  | { readonly kind: 'weight'; readonly tensor: SentTensor }
  | { readonly kind: 'play'; readonly task: PlayTask }
  | { readonly kind: 'learn'; readonly task: LearnTask };

/** Before `learned` come the gradients; none where there was nothing to learn from. */
export type FromWorker =
  /** It listens. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened' }
  | { readonly kind: 'gradient'; readonly tensor: SentTensor }
  | { readonly kind: 'played'; readonly shard: PlayedShard; readonly peakMemory: number }
  | { readonly kind: 'learned'; readonly shard: LearnedShard; readonly peakMemory: number }
  /** An error that another try would meet again. */
  | { readonly kind: 'failed'; readonly error: SerializedError };
