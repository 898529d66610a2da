// Everything that decides a run: with one of these, a model and nothing else, training is a pure function.

import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { type LoraConfig, PRECISIONS, type Precision } from '@ludic/models';
import { ADVANTAGE_ESTIMATORS, type AdvantageSettings } from '../advantages/estimators.ts';
import { GrpoError } from '../errors.ts';
import { LOSS_TYPES } from '../loss/loss-types.ts';
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
  sharedDynamics: false,
  dynamicSamplingRounds: 0,
  maskTruncatedCompletions: false,
  numIterations: 1,
  advantageEstimator: 'turn',
  discount: 1,
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

/** @throws GrpoError `bad_setting` */
export function checkSettings(settings: TrainSettings): void {
  const whole = [
    'steps',
    'groupSize',
    'batchSize',
    'shards',
    'maxCompletionLength',
    'numIterations',
    'tokenBudget',
    'evalEpisodes',
    'saveEvery',
  ] as const;
  for (const name of whole)
    need(name, settings[name], 'a whole number above 0', Number.isInteger(settings[name]) && settings[name] > 0);
  for (const name of ['seed', 'warmupSteps', 'dynamicSamplingRounds', 'evalEvery'] as const) {
    need(
      name,
      settings[name],
      'a whole number, 0 or more',
      Number.isSafeInteger(settings[name]) && settings[name] >= 0,
    );
  }
  need(
    'groupSize',
    settings.groupSize,
    'at least 2: an episode is compared with the others of its group',
    settings.groupSize >= 2,
  );
  need(
    'batchSize',
    settings.batchSize,
    `a multiple of groupSize ${settings.groupSize}`,
    settings.batchSize % settings.groupSize === 0,
  );
  const groups = settings.batchSize / settings.groupSize;
  need('shards', settings.shards, `at most ${groups}, the groups of a batch`, settings.shards <= groups);
  need(
    'temperature',
    settings.temperature,
    'above 0',
    settings.temperature > 0 && Number.isFinite(settings.temperature),
  );
  need(
    'evalTemperature',
    settings.evalTemperature,
    '0 or more',
    settings.evalTemperature >= 0 && Number.isFinite(settings.evalTemperature),
  );
  need(
    'learningRate',
    settings.learningRate,
    'above 0',
    settings.learningRate > 0 && Number.isFinite(settings.learningRate),
  );
  need('discount', settings.discount, 'above 0, at most 1', settings.discount > 0 && settings.discount <= 1);
  need(
    'finalRegularization',
    settings.finalRegularization,
    'between 0 and 1',
    settings.finalRegularization >= 0 && settings.finalRegularization <= 1,
  );
  need('finalRate', settings.finalRate, 'between 0 and 1', settings.finalRate >= 0 && settings.finalRate <= 1);
  const { lora } = settings;
  if (lora) {
    need('lora.rank', lora.rank, 'a whole number above 0', Number.isInteger(lora.rank) && lora.rank > 0);
    need('lora.alpha', lora.alpha, 'above 0', lora.alpha > 0 && Number.isFinite(lora.alpha));
  }
  oneOf('history', settings.history, HISTORY_STRATEGIES);
  oneOf('onCollapse', settings.onCollapse, ON_COLLAPSE);
  if (settings.warmStart !== undefined) checkWarmStart(settings.environment, settings.warmStart);
  oneOf('advantageEstimator', settings.advantageEstimator, ADVANTAGE_ESTIMATORS);
  oneOf('schedule', settings.schedule, SCHEDULES);
  oneOf('scaleRewards', settings.scaleRewards, SCALE_REWARDS);
  oneOf('precision', settings.precision, PRECISIONS);
  const { loss } = settings;
  oneOf('lossType', loss.lossType, LOSS_TYPES);
  oneOf('importanceSamplingLevel', loss.importanceSamplingLevel, IMPORTANCE_SAMPLING_LEVELS);
  need('epsilon', loss.epsilon, 'between 0 and 1', loss.epsilon >= 0 && loss.epsilon < 1);
  need('epsilonHigh', loss.epsilonHigh, '0 or more', isAmount(loss.epsilonHigh));
  need('beta', loss.beta, '0 or more', isAmount(loss.beta));
  need('entropyCoefficient', loss.entropyCoefficient, '0 or more', isAmount(loss.entropyCoefficient));
  if (loss.delta !== undefined)
    need('delta', loss.delta, `above 1 + epsilon ${loss.epsilon}`, loss.delta > 1 + loss.epsilon);
  for (const name of ['sapoTemperaturePos', 'sapoTemperatureNeg'] as const)
    need(name, loss[name], 'above 0', loss[name] > 0 && Number.isFinite(loss[name]));
  checkAdamW(settings.adamw);
}

function checkAdamW({ beta1, beta2, epsilon, weightDecay, maxGradNorm }: AdamWSettings): void {
  for (const [name, value] of Object.entries({ beta1, beta2 }))
    need(`adamw.${name}`, value, 'at least 0 and below 1', value >= 0 && value < 1);
  need('adamw.epsilon', epsilon, 'above 0', epsilon > 0 && Number.isFinite(epsilon));
  need('adamw.weightDecay', weightDecay, '0 or more', isAmount(weightDecay));
  need('adamw.maxGradNorm', maxGradNorm, '0 or more; 0 does not clip', maxGradNorm >= 0);
}

const isAmount = (value: number): boolean => value >= 0 && Number.isFinite(value);

function need(name: string, value: unknown, what: string, right: boolean): void {
  if (!right) throw new GrpoError('bad_setting', `${name} is ${value}; it must be ${what}.`);
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  need(name, value, `one of ${known.join(', ')}`, known.includes(value));
}
