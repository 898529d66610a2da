// What goes into a run and what comes out of it: its start, its surroundings, the events that it emits, its result.

import type { LanguageModel } from '@ludic/inference';
import type { ExportDtype, ModelFiles } from '@ludic/models';
import type { Evaluation } from '@ludic/rollouts';
import type { Runtime } from '@ludic/runtime';
import type { RunCallbacks } from '../plugins/callbacks.ts';
import type { SettingsChange } from '../settings/changes.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { LoggedStepMetrics } from '../trainer/step-metrics.ts';
import type { StepReport } from '../trainer/trainer.ts';
import type { WarmStartProgress, WarmStartResult } from '../warm-start/begin-format.ts';
import type { ShardRunner } from '../workers/shards.ts';
import type { SampledRate } from './evaluation-score.ts';
import type { MemoryEstimate } from './memory.ts';
import type { RunStorage } from './run-storage.ts';
import type { Best, RunGame } from './stored-run.ts';

/** A new run, or the one that the folder holds. */
export type RunStart =
  | {
      readonly kind: 'new';
      readonly model: string;
      /** The model that the KL term holds the policy to; by default the model that it starts from. */
      readonly reference?: string;
      /** Where the code of the game came from, where that is a file of its own. */
      readonly game?: RunGame;
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
 * What a run gets from its surroundings: a place for its files, a runtime, a clock, a listener. The weights that come
 * out rest on the files that `openFiles` finds and on how the runtime rounds, and on nothing else here.
 */
export interface TrainRunOptions {
  readonly storage: RunStorage;
  readonly runtime: Runtime;
  /** Finds the files of the model that the run starts from. */
  readonly openFiles: (model: string) => Promise<ModelFiles>;
  /** Milliseconds of any steady clock. */
  readonly clock: () => number;
  /** Aborting it ends the run after a checkpoint. */
  readonly signal?: AbortSignal;
  /** Awaited: the run goes on when it is done. What it throws ends the run. */
  readonly onEvent?: (event: RunEvent) => unknown;
  /** Called around every step, by their names. */
  readonly callbacks?: RunCallbacks;
  /** What a step leaves in episodes.jsonl, each line with its `step`. Default: two games of every tenth step. */
  readonly keepEpisodes?: (report: StepReport, settings: TrainSettings) => readonly KeptEpisode[];
  /** What this process may use. Without it nothing is estimated and nothing refused. */
  readonly memory?: ProcessMemory;
  /** Several processes for every update, where it has several shards. */
  readonly workers?: Workers;
}

export interface Workers {
  /** How many are wanted; lowered to what the run has shards for and the machine has cores and memory for. */
  readonly count: number;
  /** Cores of the machine. Without it that is not looked at. */
  readonly cores?: number;
  /** They are on other machines: neither shards, cores nor memory of this one limit them. */
  readonly elsewhere?: boolean;
  /** Folders of the run: the checkpoint with the model that it starts from, and the reference where it is another. */
  readonly make: (
    count: number,
    model: LanguageModel,
    settings: TrainSettings,
    folders: { readonly first: string; readonly reference?: string | undefined },
  ) => SharedUpdates;
}

/** Shards in other processes. */
export interface SharedUpdates extends ShardRunner {
  /** Bytes that the processes have had at most, as far as they have said. */
  readonly peakMemory: number;
}

/** In bytes. */
export interface ProcessMemory {
  /** Most that the process may ever have. */
  readonly limit: number;
  /** What it could have now, beside what others use. */
  readonly available: number;
  /** The most that it has had so far. */
  readonly peak: () => number;
}

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
  /** What a person may have to do for workers on other machines. */
  | { readonly type: 'worker_notice'; readonly message: string }
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
 * A process that plays and learns shards has begun, or was lost; another does its shard again. `pid` is the system's number
 * of the process, undefined where it could not be started; `host` the machine, where that is another.
 */
export type WorkerEvent =
  | { readonly type: 'worker_started'; readonly pid: number | undefined; readonly host?: string }
  | { readonly type: 'worker_lost'; readonly pid: number | undefined; readonly host?: string; readonly reason: string };

/** How a run ended. Where it is `finished` or `stopped` its model is in final/; `interrupted` can be resumed. */
export interface RunResult {
  /** `stopped`: by a watchdog, since the policy had become worse. */
  readonly status: 'finished' | 'interrupted' | 'stopped';
  /** Why it was stopped; where it is `finished`, why a callback ended it before its last step. */
  readonly reason?: string;
  /** Steps done. */
  readonly step: number;
  /** The evaluation with the highest score so far; undefined before the first evaluation. */
  readonly best: Best | undefined;
  /** The last one. */
  readonly evaluation: Evaluation | undefined;
  /** Bytes that this process and its workers have had at most, where `TrainRunOptions.memory` is given. */
  readonly peakMemory: number | undefined;
}

/** A line of episodes.jsonl. */
export type KeptEpisode = object & { readonly step: number };
