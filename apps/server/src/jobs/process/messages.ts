// What the server and the process of a job say to each other.

import type { Device } from '@ludic/runtime';
import type { EvaluatePolicy, StartTraining } from '@ludic/service';

export type JobRequest =
  | {
      readonly kind: 'train';
      readonly request: Omit<StartTraining, 'password'>;
      readonly outputDir: string;
      readonly workers: number;
    }
  | { readonly kind: 'evaluate'; readonly request: Omit<EvaluatePolicy, 'password'> };

export type ToJob =
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly dataFolder: string;
      readonly device: Device;
      readonly threads: number | undefined;
      readonly job: JobRequest;
    }
  /** Save and end. */
  | { readonly type: 'stop' };

export type FromJob =
  | { readonly type: 'alive' }
  /** There is more in metrics.jsonl. */
  | { readonly type: 'curve' }
  | { readonly type: 'checkpoint'; readonly step: number }
  | { readonly type: 'played'; readonly games: number }
  | { readonly type: 'warning'; readonly message: string; readonly step?: number }
  | {
      readonly type: 'ended';
      readonly status: 'finished' | 'interrupted';
      readonly result: Readonly<Record<string, unknown>> | null;
    }
  /** For good: another attempt would end the same way. */
  | { readonly type: 'failed'; readonly reason: string };
