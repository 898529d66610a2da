// Everything that decides a run: with one of these, a model and nothing else, training is a pure function.

import { type HistoryStrategy, historyNames } from '@ludic/history';
import {
  BASE_BITS,
  type BaseBits,
  type LoraConfig,
  PRECISIONS,
  type Precision,
  type TemplateOptions,
} from '@ludic/models';
import { estimatorNames } from '../advantages/estimator-names.ts';
import type { AdvantageSettings } from '../advantages/estimators.ts';
import { needSetting } from '../errors.ts';
import { lossNames } from '../loss/loss-types.ts';
import { type AdamWSettings, DEFAULT_ADAMW } from '../optimizer/adamw.ts';
import { checkWarmStart, type WarmStartChoice } from '../warm-start/plan.ts';
import { DEFAULT_LOSS, IMPORTANCE_SAMPLING_LEVELS, type LossSettings, SCALE_REWARDS } from './loss-settings.ts';
import { SCHEDULES, type ScheduleSettings } from './schedule.ts';

/**
 * All settings of a run, complete. `checkSettings` says which values and which of them together are refused;
 * `decideSettings` fills in what a user leaves out.
 */
export interface TrainSettings extends AdvantageSettings, ScheduleSettings {
  /** Id in the registry of environments. */
  readonly environment: string;
  /** Settings of the environment, by the names of its config schema; those left out have its defaults. */
  readonly environmentConfig: Readonly<Record<string, unknown>>;
  /** What the policy sees of an episode. */
  readonly history: HistoryStrategy;
  /** Optimizer batches. */
  readonly steps: number;
  /** Episodes that start from the identical state. */
  readonly groupSize: number;
  /** Episodes of an optimizer batch, a multiple of `groupSize`. */
  readonly batchSize: number;
  /**
   * Parts of a batch, of whole groups, that are played and differentiated each by itself, so that several processes can
   * share an update. How many processes do it changes nothing; how many shards there are changes the rounding.
   */
  readonly shards: number;
  /** Names every random stream of the run: the same seed on the same runtime gives the same weights. */
  readonly seed: number;
  /** Sampling temperature of the training's own games, above 0. */
  readonly temperature: number;
  /** Most tokens of one reply. */
  readonly maxCompletionLength: number;
  /** Variables of the model's chat template; the model carries them afterwards. Empty: those that it carries already. */
  readonly templateOptions: TemplateOptions;
  /** Members of a group also share what is random after the start, such as an opponent's dice. */
  readonly sharedDynamics: boolean;
  /** Groups whose rewards are all equal are replaced by new ones, up to this many times. */
  readonly dynamicSamplingRounds: number;
  /** Replies that were cut off at the token limit are not learned from. */
  readonly maskTruncatedCompletions: boolean;
  /** Passes over a batch; above 1 the clipping matters. */
  readonly numIterations: number;
  readonly loss: LossSettings;
  readonly adamw: AdamWSettings;
  /** Train an adapter instead of the model; without targets it adapts every linear layer but the head. */
  readonly lora?: LoraConfig;
  /** The model under the adapter is kept in blocks of so many bits a number; absent: in float32. */
  readonly baseBits?: BaseBits;
  /**
   * Share of `loss.beta` and `loss.entropyCoefficient` that is left at the end of the run: they change linearly. They
   * keep the policy trying things; less and less of them lets it settle.
   */
  readonly finalRegularization: number;
  /** Token slots of a micro-batch, padding included. */
  readonly tokenBudget: number;
  /** Compute each layer again when its gradient is due, instead of keeping what is inside: less memory, more time. */
  readonly gradientCheckpointing: boolean;
  /** What matrix products are taken in, in play and in learning. ONNX Runtime's CPU takes float32 for both. */
  readonly precision: Precision;
  /** Evaluate every so many steps; 0 only at the end. */
  readonly evalEvery: number;
  /** Games of one evaluation. */
  readonly evalEpisodes: number;
  /** Sampling temperature of evaluations; 0 takes the most likely token. */
  readonly evalTemperature: number;
  /** Save a checkpoint every so many steps. */
  readonly saveEvery: number;
  /** Share of the games whose scratchpad the game writes, see `Play`. */
  readonly givenNotes: number;
  /** Teach the format of replies before the first step; not at all where absent. */
  readonly warmStart?: WarmStartChoice;
  /** What to do when the policy has become worse than it was at the start, see `watchdogs/`. */
  readonly onCollapse: OnCollapse;
}

/** End the run with its best model; say it and go on; or go back to the best checkpoint with half the rate, at most twice. */
export const ON_COLLAPSE = ['stop', 'warn', 'revert'] as const;
/** What a run does when a watchdog finds its policy worse than at the start; `stop` by default. */
export type OnCollapse = (typeof ON_COLLAPSE)[number];

/** The fixed default of every setting but the environment. `decideSettings` chooses others for a game and a model. */
export const DEFAULT_TRAINING: Omit<TrainSettings, 'environment'> = {
  environmentConfig: {},
  history: 'NO_HISTORY',
  steps: 200,
  groupSize: 64,
  batchSize: 1024,
  shards: 1,
  seed: 0,
  temperature: 1,
  maxCompletionLength: 64,
  templateOptions: {},
  sharedDynamics: false,
  dynamicSamplingRounds: 0,
  maskTruncatedCompletions: false,
  numIterations: 1,
  advantageEstimator: 'turn',
  discount: 1,
  gaeLambda: 0.9,
  noteReward: 0,
  givenNotes: 0,
  scaleRewards: 'batch',
  loss: DEFAULT_LOSS,
  adamw: DEFAULT_ADAMW,
  finalRegularization: 1,
  learningRate: 1e-3,
  schedule: 'linear',
  warmupSteps: 5,
  finalRate: 0.1,
  tokenBudget: 16_384,
  gradientCheckpointing: false,
  precision: 'float32',
  evalEvery: 50,
  evalEpisodes: 500,
  evalTemperature: 0,
  saveEvery: 50,
  onCollapse: 'stop',
};

/** What a number must be: in words, and as a check. */
type Check = readonly [what: string, isRight: (value: number) => boolean];

const COUNT: Check = ['a whole number above 0', (x) => Number.isInteger(x) && x > 0];
const WHOLE: Check = ['a whole number, 0 or more', (x) => Number.isSafeInteger(x) && x >= 0];
const POSITIVE: Check = ['above 0', (x) => x > 0 && Number.isFinite(x)];
const AMOUNT: Check = ['0 or more', (x) => x >= 0 && Number.isFinite(x)];
const SHARE: Check = ['between 0 and 1', (x) => x >= 0 && x <= 1];
const DECAY_RATE: Check = ['at least 0 and below 1', (x) => x >= 0 && x < 1];

const RUN_CHECKS = {
  steps: COUNT,
  groupSize: COUNT,
  batchSize: COUNT,
  shards: COUNT,
  maxCompletionLength: COUNT,
  numIterations: COUNT,
  tokenBudget: COUNT,
  evalEpisodes: COUNT,
  saveEvery: COUNT,
  seed: WHOLE,
  warmupSteps: WHOLE,
  dynamicSamplingRounds: WHOLE,
  evalEvery: WHOLE,
  temperature: POSITIVE,
  evalTemperature: AMOUNT,
  learningRate: POSITIVE,
  discount: ['above 0, at most 1', (x) => x > 0 && x <= 1],
  gaeLambda: SHARE,
  noteReward: AMOUNT,
  givenNotes: SHARE,
  finalRegularization: SHARE,
  finalRate: SHARE,
} satisfies { readonly [Name in keyof TrainSettings]?: Check };

const LOSS_CHECKS = {
  epsilon: ['between 0 and 1', (x) => x >= 0 && x < 1],
  epsilonHigh: AMOUNT,
  beta: AMOUNT,
  entropyCoefficient: AMOUNT,
  sapoTemperaturePos: POSITIVE,
  sapoTemperatureNeg: POSITIVE,
} satisfies { readonly [Name in keyof LossSettings]?: Check };

const ADAMW_CHECKS = {
  beta1: DECAY_RATE,
  beta2: DECAY_RATE,
  epsilon: POSITIVE,
  weightDecay: AMOUNT,
  maxGradNorm: ['0 or more; 0 does not clip', (x) => x >= 0],
} satisfies { readonly [Name in keyof AdamWSettings]: Check };

const LORA_CHECKS = { rank: COUNT, alpha: POSITIVE };

/** @throws GrpoError `bad_setting` */
export function checkSettings(settings: TrainSettings): void {
  const { groupSize, batchSize, shards, lora, loss, warmStart } = settings;
  checkNumbers(RUN_CHECKS, settings);
  const enough = 'at least 2: an episode is compared with the others of its group';
  needSetting('groupSize', groupSize, enough, groupSize >= 2);
  needSetting('batchSize', batchSize, `a multiple of groupSize ${groupSize}`, batchSize % groupSize === 0);
  const groups = batchSize / groupSize;
  needSetting('shards', shards, `at most ${groups}, the groups of a batch`, shards <= groups);
  if (lora) checkNumbers(LORA_CHECKS, lora, 'lora.');
  checkBaseBits(settings);
  oneOf('history', settings.history, historyNames());
  oneOf('onCollapse', settings.onCollapse, ON_COLLAPSE);
  if (warmStart !== undefined) checkWarmStart(settings.environment, settings.history, warmStart);
  const histories = [settings.history, typeof warmStart === 'object' ? warmStart.history : undefined];
  const unseen = '0 without SCRATCHPAD';
  needSetting('givenNotes', settings.givenNotes, unseen, settings.givenNotes === 0 || histories.includes('SCRATCHPAD'));
  const unwritten = `0 with history ${settings.history}`;
  const { noteReward } = settings;
  needSetting('noteReward', noteReward, unwritten, noteReward === 0 || settings.history === 'SCRATCHPAD');
  oneOf('advantageEstimator', settings.advantageEstimator, estimatorNames());
  oneOf('schedule', settings.schedule, SCHEDULES);
  oneOf('scaleRewards', settings.scaleRewards, SCALE_REWARDS);
  oneOf('precision', settings.precision, PRECISIONS);
  oneOf('lossType', loss.lossType, lossNames());
  oneOf('importanceSamplingLevel', loss.importanceSamplingLevel, IMPORTANCE_SAMPLING_LEVELS);
  checkNumbers(LOSS_CHECKS, loss);
  if (loss.delta !== undefined)
    needSetting('delta', loss.delta, `above 1 + epsilon ${loss.epsilon}`, loss.delta > 1 + loss.epsilon);
  checkNumbers(ADAMW_CHECKS, settings.adamw, 'adamw.');
}

/** What is learned must be float32, and products with blocks are taken in whole numbers. */
function checkBaseBits({ baseBits, lora, precision }: TrainSettings): void {
  if (baseBits === undefined) return;
  needSetting('baseBits', baseBits, 'one of 8, 4', BASE_BITS.includes(baseBits));
  needSetting('baseBits', baseBits, 'left out where there is no adapter: name lora_rank', lora !== undefined);
  needSetting('precision', precision, 'float32 with baseBits', precision === 'float32');
}

function checkNumbers<Name extends string>(
  checks: Readonly<Record<Name, Check>>,
  values: NoInfer<Readonly<Record<Name, number>>>,
  prefix = '',
): void {
  for (const name of Object.keys(checks) as Name[]) {
    const [what, isRight] = checks[name];
    needSetting(`${prefix}${name}`, values[name], what, isRight(values[name]));
  }
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  needSetting(name, value, `one of ${known.join(', ')}`, known.includes(value));
}
