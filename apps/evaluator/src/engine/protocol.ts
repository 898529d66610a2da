// What the page and its engine say to each other. The engine runs in a worker: the page asks, hears how far the work is,
// gets one answer or one failure, and may cancel. All of it is plain data.

import type { StepMetrics, TrainSettings } from '@ludic/grpo';
import type { HistoryStrategy } from '@ludic/history';
import type { Episode, Evaluation } from '@ludic/rollouts';
import type { DeviceReport } from '@ludic/runtime/web';

export type DeviceChoice = 'auto' | 'cpu' | 'webgpu';

export interface Game {
  /** Id in the registry of environments. */
  readonly environment: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: HistoryStrategy;
}

export type PolicyChoice =
  | { readonly kind: 'scripted'; readonly name: string }
  | {
      readonly kind: 'model';
      /** nano, or what a picked or trained model is known by. */
      readonly name: string;
      readonly device: DeviceChoice;
      readonly temperature: number;
      readonly maxCompletionLength: number;
    };

export type Request =
  | { readonly type: 'devices' }
  /** Makes a picked folder known. */
  | { readonly type: 'pick'; readonly files: readonly File[] }
  /** Makes a model known whose files lie at URLs, after all of them are here. */
  | {
      readonly type: 'fetch';
      readonly name: string;
      /** By file. */
      readonly urls: Readonly<Record<string, string>>;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'evaluate';
      readonly game: Game;
      readonly policy: PolicyChoice;
      readonly episodes: number;
      readonly seed: number;
    }
  /** Plays episodes of the evaluation with that seed, from number `from` on, to be looked at. */
  | {
      readonly type: 'rollout';
      readonly game: Game;
      readonly policy: PolicyChoice;
      readonly seed: number;
      readonly from: number;
      readonly episodes: number;
    }
  /** Trains a copy of a model, which is then known as `saveAs`. */
  | {
      readonly type: 'train';
      readonly model: string;
      readonly device: DeviceChoice;
      readonly settings: TrainSettings;
      readonly saveAs: string;
    };

export type Progress =
  | { readonly stage: 'loading'; readonly file: string; readonly loaded: number; readonly total: number | undefined }
  | { readonly stage: 'starting'; readonly device: 'cpu' | 'webgpu' }
  | {
      readonly stage: 'playing';
      readonly played: number;
      readonly episodes: number;
      /** Share of the games so far. */
      readonly success: number;
      /** Tokens of prompts and replies so far. */
      readonly tokens: number;
      readonly seconds: number;
    }
  /** A step begins; `seconds` is what the last took. */
  | { readonly stage: 'learning'; readonly step: number; readonly steps: number; readonly seconds: number | undefined }
  | { readonly stage: 'learned'; readonly metrics: StepMetrics };

export interface Answers {
  readonly devices: readonly DeviceReport[];
  readonly pick: { readonly name: string };
  readonly fetch: { readonly name: string };
  readonly evaluate: { readonly evaluation: Evaluation; readonly device: string; readonly seconds: number };
  readonly rollout: { readonly episodes: readonly Episode[]; readonly device: string };
  readonly train: {
    readonly name: string;
    readonly device: string;
    /** Steps done; fewer than wanted where it was cancelled. */
    readonly steps: number;
    readonly seconds: number;
  };
}

export type RequestOf<Type extends Request['type']> = Extract<Request, { readonly type: Type }>;

/** Why there is no answer: the code of a package's error, `cancelled`, or `fault` for what nobody foresaw. */
export interface Failure {
  readonly code: string;
  /** For people: what to do. */
  readonly message: string;
}

export type ToEngine =
  | { readonly kind: 'ask'; readonly id: number; readonly request: Request }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromEngine =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[Request['type']] }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure };
