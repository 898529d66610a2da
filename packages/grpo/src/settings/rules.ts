// The rules by which settings are decided, in the order in which they are applied.

import type { HistoryStrategy } from '@ludic/history';
import type { AdvantageEstimator } from '../advantages/estimators.ts';
import { LOSSES } from '../loss/loss-types.ts';
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
  /** How it is decided, for docs/settings.md. */
  readonly how: string;
  /** Why, for docs/settings.md. */
  readonly why: string;
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
    how: '200; for a model of more than 20 million parameters 100',
    why: 'nano has learned most of what it can then; a large model shows whether it learns',
    choose: ({ model }) => ({
      value: isLarge(model) ? 100 : 200,
      reason: isLarge(model) ? 'enough to see whether a model of this size learns' : 'minutes on two cores',
    }),
  },
  {
    field: 'batch_size',
    how: '512 for tic_tac_toe and 2048 for key_door with NO_HISTORY and nano; otherwise 256, 64 for more than 20 million parameters; with a named group_size the next multiple of it',
    why: 'as many games as a step of one or two seconds on a calm core has room for: small batches drown in luck',
    choose({ settings, model, given }) {
      const wanted = model.kind === 'nano' ? tunedFor(settings).batch : usualBatch(model);
      const { group_size: group } = given;
      const value = group === undefined ? wanted : Math.ceil(wanted / group) * group;
      return { value, reason: 'as many games as a step of a second or two has room for' };
    },
  },
  {
    field: 'group_size',
    how: '32 for tic_tac_toe, 64 for key_door with NO_HISTORY, otherwise 16, or 8 for more than 20 million parameters; the largest divisor of batch_size up to that',
    why: 'games that begin alike are compared with each other',
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
    how: 'with nano 4, or 48 with SCRATCHPAD, and 16 in a game that is not built in; a base model 32 (SCRATCHPAD 96); an instruct model 128',
    why: 'a reply is a tag and a move: longer ones cost time and are cut off',
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
    how: '`{"enable_thinking": false}` where the chat template of the model knows it',
    why: 'thoughts are longer than the replies of a game: at the limit of tokens they would be cut off before the move',
    choose: ({ model }) =>
      model.thinks
        ? { value: { enable_thinking: false }, reason: 'thoughts would use up the tokens of a reply' }
        : undefined,
  },
  {
    field: 'credit',
    how: 'turn for tic_tac_toe, td for key_door with NO_HISTORY, otherwise group_turn',
    why: 'where equal prompts are common, a turn is compared with turns that saw the same; elsewhere with those of its group',
    choose: ({ settings }) => ({
      value: tunedFor(settings).estimator,
      reason: 'each turn is compared with turns that saw the same prompt',
    }),
  },
  {
    field: 'discount',
    how: '1 for tic_tac_toe, 0.9 for key_door with NO_HISTORY, otherwise 0.95',
    why: 'in long games early moves are not to be blamed for all that comes later',
    choose: ({ settings }) => ({
      value: tunedFor(settings).discount,
      reason: 'the longer the game, the nearer the credit',
    }),
  },
  {
    field: 'learning_rate',
    how: 'nano: 0.002 for tic_tac_toe, 0.003 for key_door with NO_HISTORY, otherwise 0.001; other models 0.001 × (700,000 ÷ parameters)^0.75, ten times that for an adapter, at most 0.002; with a named batch_size below 256 (64 for more than 20 million parameters) less, by the square root of their ratio',
    why: 'measured for nano; the larger a model, the smaller a step it bears (1e-6 at 7 billion parameters in the reports of the field); the fewer games, the more of a step is noise',
    choose: (known) => ({
      value: learningRate(known),
      reason:
        known.model.kind === 'nano' ? 'measured with nano' : 'by the size of what is trained and the games of a step',
    }),
  },
  {
    field: 'warmup_steps',
    how: 'an eighth of the steps, at most 5',
    why: "Adam's first steps know little of the gradients' size; a short run cannot wait for long",
    choose: ({ settings }) => ({
      value: Math.min(5, Math.ceil(settings.steps / 8)),
      reason: 'an eighth of the steps, at most 5',
    }),
  },
  {
    field: 'beta',
    how: '0.2 for tic_tac_toe, 0.05 for key_door with NO_HISTORY, 0.02 for an instruct model, otherwise 0.1',
    why: 'holds the policy near its first model, so that replies stay legal while it learns',
    choose: ({ settings, model }) => ({
      value: model.kind === 'instruct' ? 0.02 : tunedFor(settings).beta,
      reason: 'holds the replies near legal play while the policy learns',
    }),
  },
  {
    field: 'epsilon_high',
    how: '0.2; with cispo, whose cap of the ratio it is, 5',
    why: 'a cap of 0.2 would leave cispo a fifth of its gradient',
    choose({ settings: { loss } }) {
      const { surrogate, epsilonHigh } = LOSSES[loss.lossType];
      const reason = surrogate === 'capped' ? 'the cap of the ratio itself' : 'the ratio is clipped as in PPO';
      return { value: epsilonHigh, reason };
    },
  },
  {
    field: 'final_exploration',
    how: '0.2',
    why: 'less and less of beta lets the policy settle',
    choose: () => ({ value: 0.2, reason: 'less and less of beta lets the policy settle' }),
  },
  {
    field: 'eval_every',
    how: 'four evaluations in 200 steps, fewer where batches are small; always one at the end',
    why: 'evaluations play at most a tenth of the games that the training plays',
    choose: ({ settings: { steps, batchSize } }) => ({
      value: evaluationPlan(steps, batchSize).every,
      reason: "at most a tenth of the training's games",
    }),
  },
  {
    field: 'eval_episodes',
    how: 'up to 500, fewer where ten times as many are not trained on',
    why: 'evaluations play at most a tenth of the games that the training plays',
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
    how: 'a tenth of the steps, at most 50',
    why: 'what is lost when a run is killed',
    choose: ({ settings }) => ({
      value: Math.max(1, Math.min(50, Math.ceil(settings.steps / 10))),
      reason: 'what may be lost when a run is killed',
    }),
  },
  {
    field: 'warm_start',
    how: '`auto`, but for nano in the built-in games: where at least nine of ten replies are invalid, 100 steps of about 40 replies of a random player, who errs at times',
    why: 'a model that does not know the format of replies cannot learn from games: all its replies are refused alike; one that never saw what a game says to a mistake goes on making it',
    choose: ({ settings, model }) =>
      model.kind === 'nano' && Object.hasOwn(TUNED, settings.environment)
        ? undefined
        : { value: 'auto', reason: 'taught the reply format first, where nearly all its replies are invalid' },
  },
];
