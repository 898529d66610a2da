// What the server and the process of a training say to each other. An evaluation is told of in the same words.

import type { GameFile } from '@ludic/environments/node';
import type { ReplyMessage, RequestMessage, RequestSpec } from '@ludic/io';
import type { Device } from '@ludic/runtime';
import type { EvaluatePolicy, HandedRollout, StartTraining } from '@ludic/service';

export interface TrainingJob {
  readonly kind: 'train';
  /** Complete; its `tensor_parallel_size` are the processes that share an update here. */
  readonly request: Omit<StartTraining, 'password'>;
  /** The name to train under. */
  readonly output_dir: string;
}

export interface EvaluationJob {
  readonly kind: 'evaluate';
  readonly request: Omit<EvaluatePolicy, 'password' | 'async'>;
  readonly output_dir: null;
}

/** What a job does, as the server accepted and stored it. */
export type RequestedWork = TrainingJob | EvaluationJob;

/** A rollout as the process of a training gives it to an agent. Its address is the server's to say. */
export type LentRollout = Omit<NonNullable<HandedRollout['rollout']>, 'base_url'>;

/** An HTTP request of an agent, and its answer. */
export interface RolloutRequestMessage {
  readonly method: string;
  /** Of the gateway. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface RolloutAnswer {
  readonly status: number;
  /** Of the body. */
  readonly type: string;
  readonly body: string;
}

/** What the server asks the process of a training of an agent. */
export interface RolloutCalls {
  readonly next: RequestSpec<{ readonly type: 'next'; readonly waitMs: number }, LentRollout | null>;
  readonly agent: RequestSpec<RolloutRequestMessage & { readonly type: 'agent' }, RolloutAnswer>;
}

export type ToJob =
  | RequestMessage<RolloutCalls>
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly dataFolder: string;
      readonly device: Device;
      readonly threads: number | undefined;
      readonly job: TrainingJob;
      /** Of the server. */
      readonly games: readonly GameFile[];
      /** Held for as long as the process lives. */
      readonly lock: string;
      /** How long it waits for the process of an earlier attempt, which outlived its server. */
      readonly lockWaitMs: number;
      /** How long it may take to save when the server is gone. */
      readonly graceMs: number;
    }
  /** Save and end. */
  | { readonly type: 'stop' };

/** All that its process says: of itself, and to what it was asked. */
export type FromProcess = FromJob | ReplyMessage<RolloutCalls>;

export type FromJob =
  | { readonly type: 'alive' }
  /** There is more in metrics.jsonl. */
  | { readonly type: 'curve' }
  | { readonly type: 'played'; readonly games: number }
  | { readonly type: 'warning'; readonly message: string; readonly step?: number }
  | {
      readonly type: 'ended';
      readonly status: 'finished' | 'interrupted';
      readonly result: Readonly<Record<string, unknown>> | null;
    }
  /** For good: another attempt would end the same way. */
  | { readonly type: 'failed'; readonly reason: string };
