// What the server and the process of a job say to each other.

import type { Device } from '@ludic/runtime';
import type { EvaluatePolicy, StartTraining } from '@ludic/service';

export interface TrainingJob {
  readonly kind: 'train';
  readonly request: Omit<StartTraining, 'password'>;
  readonly outputDir: string;
  /** Processes that share an update. */
  readonly workers: number;
}

export interface EvaluationJob {
  readonly kind: 'evaluate';
  readonly request: Omit<EvaluatePolicy, 'password' | 'async'>;
}

export type JobRequest = TrainingJob | EvaluationJob;

export type ToJob =
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly dataFolder: string;
      readonly device: Device;
      readonly threads: number | undefined;
      readonly job: JobRequest;
      /** Held for as long as the process lives. */
      readonly lock: string;
      /** How long it waits for the process of an earlier attempt, which outlived its server. */
      readonly lockWaitMs: number;
      /** How long it may take to save when the server is gone. */
      readonly graceMs: number;
    }
  /** Save and end. */
  | { readonly type: 'stop' };

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
