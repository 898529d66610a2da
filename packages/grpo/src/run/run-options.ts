// What a run needs from around it, and what comes of it.

import type { LanguageModel } from '@ludic/inference';
import type { ModelFiles } from '@ludic/models';
import type { Evaluation } from '@ludic/rollouts';
import type { Runtime } from '@ludic/runtime';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { StepReport } from '../trainer/trainer.ts';
import type { ShardRunner } from '../workers/shards.ts';
import type { RunEvent } from './run-events.ts';
import type { RunStorage } from './run-storage.ts';
import type { Best } from './stored-run.ts';

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
  /** @param first the checkpoint with the model that the run starts from */
  readonly make: (count: number, model: LanguageModel, settings: TrainSettings, first: string) => SharedUpdates;
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

/** How a run ended. Where it is `finished` or `stopped` its model is in final/; `interrupted` can be resumed. */
export interface RunResult {
  /** `stopped`: by a watchdog, since the policy had become worse. */
  readonly status: 'finished' | 'interrupted' | 'stopped';
  /** Why it was stopped. */
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
