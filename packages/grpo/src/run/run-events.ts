// What a run is started with, and the events that it emits.

import type { LanguageModel } from '@ludic/inference';
import type { ExportDtype } from '@ludic/models';
import type { Evaluation } from '@ludic/rollouts';
import type { SettingsChange } from '../settings/changes.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import type { StepReport } from '../trainer/trainer.ts';
import type { WarmStartProgress, WarmStartResult } from '../warm-start/begin-format.ts';
import type { SampledRate } from './evaluation-score.ts';
import type { MemoryEstimate } from './memory.ts';

/** A new run, or the one that the folder holds. */
export type RunStart =
  | {
      readonly kind: 'new';
      readonly model: string;
      readonly settings: TrainSettings;
      readonly onnx?: readonly ExportDtype[];
      /** Those that the runtime was made with. */
      readonly threads?: number;
    }
  | {
      readonly kind: 'resume';
      /** Other settings from here on, by their names as fields; kept in the run. See `CHANGEABLE`. */
      readonly change?: SettingsChange;
    };

/**
 * What a run tells its listener as it happens. Numbers of `memory` are bytes. `step` counts optimizer batches done, 0
 * before the first; that of `warm_start` counts steps of the warm start. Of an evaluation, `seconds` is its own time,
 * `best` says whether it is the best so far, and `sampled` is left out where it has the temperature of the training.
 */
export type RunEvent =
  | { readonly type: 'start'; readonly settings: TrainSettings; readonly step: number; readonly model: LanguageModel }
  | { readonly type: 'memory'; readonly estimate: MemoryEstimate; readonly limit: number; readonly available: number }
  | {
      readonly type: 'workers';
      readonly count: number;
      readonly wanted: number;
      /** Why there are fewer than wanted. */
      readonly reason: string | undefined;
    }
  | WorkerEvent
  /** Steps before the first: the model learns the format of replies. */
  | (WarmStartProgress & { readonly type: 'warm_start' })
  | (WarmStartResult & { readonly type: 'warm_started' })
  | (Omit<StepReport, 'metrics'> & { readonly type: 'step'; readonly metrics: LoggedStepMetrics })
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly evaluation: Evaluation;
      readonly temperature: number;
      readonly sampled?: SampledRate;
      readonly best: boolean;
      readonly seconds: number;
    }
  | { readonly type: 'warning'; readonly step: number; readonly message: string }
  | { readonly type: 'checkpoint'; readonly step: number };

/**
 * A process that plays and learns shards has begun, or was lost; a new one takes the place of the lost one. `pid` is
 * the system's number of the process, undefined where it could not be started.
 */
export type WorkerEvent =
  | { readonly type: 'worker_started'; readonly pid: number | undefined }
  | { readonly type: 'worker_lost'; readonly pid: number | undefined; readonly reason: string };
