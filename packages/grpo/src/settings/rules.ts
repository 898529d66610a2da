// The rules by which settings are decided, in the order in which they are applied. `rule-texts.ts` says them in words.

import type { HistoryStrategy } from '@ludic/history';
import type { AdvantageEstimator } from '../advantages/estimator-names.ts';
import { lossRow } from '../loss/loss-types.ts';
import type { TrainingFields } from './fields.ts';
import type { ModelTraits } from './model-traits.ts';
import type { TrainSettings } from './train-settings.ts';

export interface Known {
  readonly model: ModelTraits;
  readonly given: TrainingFields;
  /** Named and decided so far; the fixed defaults for the rest. */
  readonly settings: TrainSettings;
}

export interface Rule {
  readonly field: keyof TrainingFields;
  /** Undefined where nothing is to be decided. */
  readonly choose: (known: Known) => { readonly value: unknown; readonly reason: string } | undefined;
}

/** What is known of a game from trying. */
interface Tuned {
  /** Games of a step with nano. */
  readonly batch: number;
  readonly group: number;
  readonly estimator: AdvantageEstimator;
  readonly discount: number;
  readonly rate: number;
  readonly beta: number;
}

const TUNED: Readonly<Record<string, Partial<Record<HistoryStrategy, Tuned>>>> = {
  tic_tac_toe: {
    NO_HISTORY: { batch: 512, group: 32, estimator: 'turn', discount: 1, rate: 2e-3, beta: 0.2 },
  },
  key_door: {
    NO_HISTORY: { batch: 2048, group: 64, estimator: 'td', discount: 0.9, rate: 3e-3, beta: 0.05 },
  },
};

/** For all else: a game that is not known, or a history in which hardly any two games have the same prompt. */
const GENERIC: Tuned = { batch: 256, group: 16, estimator: 'group_turn', discount: 0.95, rate: 1e-3, beta: 0.1 };

const tunedFor = ({ environment, history }: TrainSettings): Tuned => TUNED[environment]?.[history] ?? GENERIC;

/** A small share of what a game can bring, so that refused replies are never the way out. */
export function invalidPenalty(environment: string): number {
  return environment === 'tic_tac_toe' ? 0.3 : 0.1;
}

/** Model sizes between which a rate that suits nano and one that suits 7 billion (1e-6 in the field's reports) lie. */
const NANO_SIZE = 700_000;
const RATE_EXPONENT = 0.75;
/** Adapters take about ten times the rate of the whole model. */
const ADAPTER_FACTOR = 10;

/** One digit that counts. */
const rounded = (value: number) => Number(value.toPrecision(1));

/** Games of a step where neither the game nor the user says another number. */
const usualBatch = (model: ModelTraits) => (isLarge(model) ? 64 : GENERIC.batch);

function learningRate({ model, settings }: Known): number {
  const { rate } = tunedFor(settings);
  if (model.kind === 'nano') return rate;
  const scale = (model.parameters / NANO_SIZE) ** -RATE_EXPONENT;
  // Adam's update is as long however noisy the gradient is, and its noise falls with the square root of the batch.
  const noise = Math.sqrt(Math.min(1, settings.batchSize / usualBatch(model)));
  const whole = noise * Math.min(GENERIC.rate, GENERIC.rate * scale);
  return rounded(settings.lora === undefined ? whole : Math.min(2e-3, ADAPTER_FACTOR * whole));
}

/** The largest divisor of a batch up to `most`, of at least 2; a prime batch is one group. */
export function groupSizeFor(batch: number, most: number): number {
  for (let size = Math.min(most, batch); size >= 2; size--) if (batch % size === 0) return size;
  return batch;
}

/** A shard for each process that is to share an update, as far as the batch has groups. */
export const shardsFor = ({ batchSize, groupSize }: TrainSettings, processes: number): number =>
  Math.max(1, Math.min(processes, Math.floor(batchSize / groupSize)));

const EVALUATIONS = 4;
const EVALUATION_GAMES = 500;
/** Share of the training's games that evaluations may have. */
const EVALUATION_SHARE = 0.1;

/** Evaluations as often as useful, with as many games as 10 % of the training's games allow. */
export function evaluationPlan(steps: number, batch: number): { readonly every: number; readonly episodes: number } {
  const budget = EVALUATION_SHARE * steps * batch;
  // Few games say little: rather one evaluation, at the end, than several of a handful.
  const count = Math.max(1, Math.min(EVALUATIONS * Math.ceil(steps / 200), Math.floor(budget / 200)));
  const every = Math.max(1, Math.ceil(steps / count));
  const planned = Math.ceil(steps / every);
  const episodes = Math.max(1, Math.min(EVALUATION_GAMES, Math.floor(budget / planned)));
  return { every, episodes };
}

const isLarge = ({ parameters }: ModelTraits) => parameters > 20_000_000;

export const RULES: readonly Rule[] = [
  {
    field: 'steps',
    choose: ({ model }) => ({
      value: isLarge(model) ? 100 : 200,
      reason: isLarge(model) ? 'enough to see whether a model of this size learns' : 'minutes on two cores',
    }),
  },
  {
    field: 'batch_size',
    choose({ settings, model, given }) {
      const wanted = model.kind === 'nano' ? tunedFor(settings).batch : usualBatch(model);
      const { group_size: group } = given;
      const value = group === undefined ? wanted : Math.ceil(wanted / group) * group;
      return { value, reason: 'as many games as a step of a second or two has room for' };
    },
  },
  {
    field: 'group_size',
    choose({ model, settings }) {
      const most = isLarge(model) ? 8 : tunedFor(settings).group;
      return {
        value: groupSizeFor(settings.batchSize, most),
        reason: 'games that begin alike, compared with each other',
      };
    },
  },
  {
    field: 'max_completion_length',
    choose({ settings, model }) {
      const notes = settings.history === 'SCRATCHPAD';
      if (model.kind === 'instruct') return { value: 128, reason: 'room for a sentence before the move' };
      if (model.kind === 'base') return { value: notes ? 96 : 32, reason: 'a reply is a tag and a move' };
      const length = Object.hasOwn(TUNED, settings.environment) ? 4 : 16;
      return { value: notes ? 48 : length, reason: notes ? 'a reply holds notes' : 'a reply is a tag and a move' };
    },
  },
  {
    field: 'template_options',
    choose: ({ model }) =>
      model.thinks
        ? { value: { enable_thinking: false }, reason: 'thoughts would use up the tokens of a reply' }
        : undefined,
  },
  {
    field: 'credit',
    choose: ({ settings }) => ({
      value: tunedFor(settings).estimator,
      reason: 'each turn is compared with turns that saw the same prompt',
    }),
  },
  {
    field: 'discount',
    choose: ({ settings }) => ({
      value: tunedFor(settings).discount,
      reason: 'the longer the game, the nearer the credit',
    }),
  },
  {
    field: 'learning_rate',
    choose: (known) => ({
      value: learningRate(known),
      reason:
        known.model.kind === 'nano' ? 'measured with nano' : 'by the size of what is trained and the games of a step',
    }),
  },
  {
    field: 'warmup_steps',
    choose: ({ settings }) => ({
      value: Math.min(5, Math.ceil(settings.steps / 8)),
      reason: 'an eighth of the steps, at most 5',
    }),
  },
  {
    field: 'beta',
    choose: ({ settings, model }) => ({
      value: model.kind === 'instruct' ? 0.02 : tunedFor(settings).beta,
      reason: 'holds the replies near legal play while the policy learns',
    }),
  },
  {
    field: 'epsilon_high',
    choose({ settings: { loss } }) {
      const { surrogate, epsilonHigh } = lossRow(loss.lossType);
      const reason = surrogate === 'capped' ? 'the cap of the ratio itself' : 'the ratio is clipped as in PPO';
      return { value: epsilonHigh, reason };
    },
  },
  {
    field: 'final_exploration',
    choose: () => ({ value: 0.2, reason: 'less and less of beta lets the policy settle' }),
  },
  {
    field: 'eval_every',
    choose: ({ settings: { steps, batchSize } }) => ({
      value: evaluationPlan(steps, batchSize).every,
      reason: "at most a tenth of the training's games",
    }),
  },
  {
    field: 'eval_episodes',
    choose({ settings: { steps, batchSize, evalEvery } }) {
      const count = evalEvery > 0 ? Math.ceil(steps / evalEvery) : 1;
      const most = Math.floor((EVALUATION_SHARE * steps * batchSize) / count);
      return {
        value: Math.max(1, Math.min(EVALUATION_GAMES, most)),
        reason: "at most a tenth of the training's games",
      };
    },
  },
  {
    field: 'save_every',
    choose: ({ settings }) => ({
      value: Math.max(1, Math.min(50, Math.ceil(settings.steps / 10))),
      reason: 'what may be lost when a run is killed',
    }),
  },
  {
    field: 'warm_start',
    choose: ({ settings, model }) =>
      model.kind === 'nano' && Object.hasOwn(TUNED, settings.environment)
        ? undefined
        : { value: 'auto', reason: 'taught the reply format first, where nearly all its replies are invalid' },
  },
];
