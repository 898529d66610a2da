// Messages between a run and its workers. Large tensors go one by one, so that no copy of all weights is on the way.

import type { GameFile } from '@ludic/environments/node';
import type { ReplyMessage, RequestMessage, RequestSpec } from '@ludic/io';
import type { NodeRuntimeOptions } from '@ludic/runtime/node';
import type { PluginFile } from '../../plugins/node/plugin-files.ts';
import type { TrainSettings } from '../../settings/train-settings.ts';
import type { LearnedShard, LearnTask, PlayedShard, PlayTask } from '../shards.ts';

/** File descriptor of a worker that says why it ended, where it could say nothing else. */
export const LAST_WORDS = 4;

/** What a worker makes its model and its policy of. */
export interface WorkerSetup {
  /** A folder with the first weights of the run. */
  readonly model: string;
  /** A folder with the weights of the reference policy; by default the first ones. */
  readonly reference?: string;
  /** Files of games, one of which may be the run's. */
  readonly games?: readonly Pick<GameFile, 'path' | 'program'>[];
  /** Files of plugins, which may hold the run's history and loss. */
  readonly plugins?: readonly Pick<PluginFile, 'path' | 'program'>[];
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

interface Done<Shard> {
  readonly shard: Shard;
  /** Bytes. */
  readonly peakMemory: number;
}

/** One at a time. */
export interface WorkerCalls {
  /** Answered as soon as it listens. */
  readonly start: RequestSpec<{ readonly type: 'start' }, void>;
  readonly open: RequestSpec<{ readonly type: 'open'; readonly setup: WorkerSetup }, void>;
  readonly play: RequestSpec<{ readonly type: 'play'; readonly task: PlayTask }, Done<PlayedShard>>;
  /** The gradients come as parts; none where there was nothing to learn from. */
  readonly learn: RequestSpec<{ readonly type: 'learn'; readonly task: LearnTask }, Done<LearnedShard>, SentTensor>;
}

/** Weights have no answer: the next request fails where they do not fit. */
export type ToWorker = RequestMessage<WorkerCalls> | { readonly type: 'weight'; readonly tensor: SentTensor };

export type FromWorker = ReplyMessage<WorkerCalls>;
