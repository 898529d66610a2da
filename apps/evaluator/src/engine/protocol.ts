// What the page and its engine say to each other. The engine runs in a worker: the page asks, hears how far the work is,
// gets one answer or one failure, and may cancel. All of it is plain data.

import type { ModelTraits, StepMetrics, TrainSettings } from '@ludic/grpo';
import type { RatedToken } from '@ludic/inference';
import type { RequestSpec } from '@ludic/io';
import type { Reply } from '@ludic/policies';
import type { EnvironmentSpec, Episode, Evaluation } from '@ludic/rollouts';
import type { CarriedGame } from '@ludic/rollouts/internal';
import type { DeviceReport } from '@ludic/runtime/web';
import type { DeviceChoice, LibraryAnswers, LibraryRequest, PickedModel } from './models/library.ts';
import type { StoredGame, StoredGames } from './runs/stored-games.ts';

/** A policy by name. A model needs a device and sampling; a scripted player has neither. */
export type PolicyChoice = { readonly kind: 'scripted'; readonly name: string } | ModelPolicy;

/** A model as a policy: where it computes, and how its replies are sampled. */
export interface ModelPolicy extends ModelSampling {
  readonly kind: 'model';
  /** nano, or what a picked or trained model is known by. */
  readonly name: string;
}

/** How a model plays, apart from what it is. */
export interface ModelSampling {
  readonly device: DeviceChoice;
  readonly temperature: number;
  /** In tokens. */
  readonly maxCompletionLength: number;
}

/** A game so far, as what was said in it: enough to play it again. */
export interface Position {
  readonly game: EnvironmentSpec;
  readonly seed: number;
  readonly dynamicsSeed: number;
  /** Of the policy whose turn it may be. */
  readonly replies: readonly string[];
  /** Of the other side in a game of two, where it is not the game's own opponent. */
  readonly opponent?: readonly string[];
}

/** Everything that the page asks of the engine. */
export type Request =
  | LibraryRequest
  | { readonly type: 'devices' }
  /** The game that a model was trained in. */
  | { readonly type: 'game'; readonly model: string }
  /** What the settings of its training are decided from. */
  | { readonly type: 'traits'; readonly model: string }
  /** Makes a picked folder known. */
  | { readonly type: 'pick'; readonly files: readonly File[] }
  | {
      readonly type: 'evaluate';
      readonly game: EnvironmentSpec;
      readonly policy: PolicyChoice;
      readonly episodes: number;
      readonly seed: number;
    }
  /** Plays episodes of the evaluation with that seed, from number `from` on, to be looked at. */
  | {
      readonly type: 'rollout';
      readonly game: EnvironmentSpec;
      readonly policy: PolicyChoice;
      readonly seed: number;
      readonly from: number;
      readonly episodes: number;
    }
  /** The policy's next reply in a game that is played move by move. */
  | { readonly type: 'reply'; readonly position: Position; readonly policy: PolicyChoice }
  /** How likely the policy is to give each of some replies there. */
  | {
      readonly type: 'hint';
      readonly position: Position;
      readonly policy: PolicyChoice;
      readonly candidates: readonly string[];
    }
  /** What a model thinks of a recorded reply's tokens. */
  | {
      readonly type: 'rate';
      readonly model: string;
      readonly device: DeviceChoice;
      readonly prompt: Int32Array;
      readonly completion: Int32Array;
      /** How many rivals to tell of each token. */
      readonly alternatives: number;
    }
  /** Trains a copy of a model, which is then known as `saveAs`: so is the run, in the browser's storage. */
  | {
      readonly type: 'train';
      readonly model: string;
      readonly device: DeviceChoice;
      readonly settings: TrainSettings;
      readonly saveAs: string;
    }
  /** Goes on with a run after its last checkpoint. */
  | { readonly type: 'continue'; readonly run: string; readonly device: DeviceChoice }
  /** The runs that this browser holds. Their models are then known by the names of the runs. */
  | { readonly type: 'runs' }
  /** Looks into a run, and makes the models it began with and has come to known. */
  | { readonly type: 'run'; readonly run: string }
  /** Games that a step was learned from, as far as they are kept: of the newest step, or the newest up to `step`. */
  | { readonly type: 'games'; readonly run: string; readonly step?: number }
  | { readonly type: 'delete'; readonly run: string }
  /** The model of a run, or all of it, as a zip. */
  | { readonly type: 'download'; readonly run: string; readonly part: 'model' | 'run' };

/** How far the work is. */
export type Stage =
  | { readonly stage: 'loading'; readonly file: string; readonly loaded: number; readonly total: number | undefined }
  | { readonly stage: 'starting'; readonly device: 'cpu' | 'webgpu' }
  | {
      readonly stage: 'playing';
      readonly played: number;
      readonly episodes: number;
      /** Share of the games so far. */
      readonly success_rate: number;
      /** At which a model samples. */
      readonly temperature?: number;
      /** Tokens of prompts and replies so far. */
      readonly tokens: number;
      readonly seconds: number;
    }
  /** A step begins; `seconds` is what the last took. */
  | { readonly stage: 'learning'; readonly step: number; readonly steps: number; readonly seconds: number | undefined }
  /** After the last step: an evaluation, the last checkpoint, the finished model. */
  | { readonly stage: 'teaching'; readonly step: number; readonly steps: number }
  | { readonly stage: 'finishing' };

/** What happened in a run. */
export type News =
  /** A run goes on after so many steps. */
  | { readonly stage: 'began'; readonly step: number }
  | {
      readonly stage: 'learned';
      readonly metrics: StepMetrics;
      readonly seconds: number;
      /** Those of them that are kept. */
      readonly games: readonly StoredGame[];
    }
  | { readonly stage: 'warned'; readonly message: string }
  | { readonly stage: 'saved'; readonly step: number }
  | (StepEvaluation & { readonly stage: 'evaluated' });

/** What the engine says while a request is being answered. */
export type Progress = Stage | News;

const NEWS: readonly string[] = ['began', 'learned', 'warned', 'saved', 'evaluated'] satisfies News['stage'][];
/** Whether it is an event of a run, and not how far the work is. */
export const isNews = (progress: Progress): progress is News => NEWS.includes(progress.stage);

/** A run as it stands in a list. */
export interface RunSummary {
  readonly name: string;
  /** What the model that it began with was known by. */
  readonly model: string;
  readonly game: EnvironmentSpec;
  /** Of the last checkpoint. */
  readonly step: number;
  readonly steps: number;
  readonly finished: boolean;
  /** In ms since 1970. */
  readonly modified: number;
  readonly bytes: number;
  /** Whether it outlives the page. */
  readonly stored: boolean;
}

/** What a run has recorded so far. */
export interface RunContents {
  readonly summary: RunSummary;
  readonly settings: TrainSettings;
  /** Up to the last checkpoint. */
  readonly metrics: readonly StepMetrics[];
  /** That those steps took. */
  readonly seconds: number;
  readonly evaluations: readonly StepEvaluation[];
}

/** An evaluation of the policy after a step of its training. */
export interface StepEvaluation {
  readonly step: number;
  readonly evaluation: Evaluation;
}

/** One game of an evaluation, without what was said in it. */
export type GameLine = Pick<Episode, 'seed' | 'reward' | 'endReason' | 'outcome' | 'success'> & {
  readonly steps: number;
  /** Replies that the game refused. */
  readonly invalid: number;
};

/** The answer to each request, by its type. */
export interface Answers extends LibraryAnswers {
  readonly devices: readonly DeviceReport[];
  /** Undefined where it carries none. */
  readonly game: CarriedGame | undefined;
  readonly traits: ModelTraits;
  readonly pick: PickedModel;
  readonly evaluate: {
    readonly evaluation: Evaluation;
    /** In the order of the seeds. */
    readonly games: readonly GameLine[];
    readonly device: string;
    readonly seconds: number;
    /** Of prompts and replies. */
    readonly tokens: number;
  };
  readonly rollout: { readonly episodes: readonly Episode[]; readonly device: string };
  readonly reply: { readonly reply: Reply; readonly device: string };
  readonly hint: Hint;
  readonly rate: {
    readonly tokens: readonly RatedToken[];
    /** What the model's tokenizer makes of the completion. */
    readonly text: string;
    readonly device: string;
  };
  readonly train: {
    readonly name: string;
    readonly device: string;
    /** Steps done; fewer than wanted where it was cancelled. */
    readonly steps: number;
    readonly finished: boolean;
    readonly seconds: number;
  };
  readonly continue: Answers['train'];
  readonly runs: readonly RunSummary[];
  /** `before` and `after` are what its models are known by. */
  readonly run: RunContents & { readonly before: string; readonly after: string };
  readonly games: StoredGames;
  readonly delete: undefined;
  readonly download: { readonly blob: Blob; readonly fileName: string };
}

/** How likely a policy is to give each of some replies. */
export interface Hint {
  /** One for each candidate; they sum to 1, or are all 0 where the policy gives none of them. */
  readonly chances: readonly number[];
  /** Probability of all candidates together; of a scripted player, the share of what it does. */
  readonly together: number;
  readonly device: string;
}

/** The request of one type. */
export type RequestOf<Type extends Request['type']> = Extract<Request, { readonly type: Type }>;

/** What the page asks and the engine answers. Parts say how far the work is. */
export type EngineCalls = {
  readonly [Type in Request['type']]: RequestSpec<RequestOf<Type>, Answers[Type], Progress>;
};
