// What can go wrong in a run without an error: each rule is a condition on the numbers of a step, one sentence that
// says what is seen, and one cure. Settings are named as requests name them.

import type { LanguageModel } from '@ludic/inference';
import { shortestReply } from '../run/probe-prompts.ts';
import type { LossCoefficients } from '../settings/loss-settings.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { specOf } from '../trainer/played-spec.ts';
import { type Start, tokensOf, type WatchedMetrics } from './state.ts';

/** What rules know beside the numbers of the step. */
export interface Watched
  extends LossCoefficients,
    Pick<TrainSettings, 'maxCompletionLength' | 'groupSize' | 'learningRate'> {
  /** Steps of the warm start that the run had; 0 for none. */
  readonly warmStartSteps: number;
  /** What an invalid reply costs; undefined where the game has no such setting. */
  readonly invalidPenalty: number | undefined;
  /** Tokens of the shortest reply in the game's format. */
  readonly replyTokens: number;
}

/** What the rules know of a run: the settings that a cure may name, and how long a reply is. */
export async function watchedOf(
  settings: TrainSettings,
  { tokenizer }: Pick<LanguageModel, 'tokenizer'>,
): Promise<Watched> {
  const { loss, warmStart } = settings;
  const { invalid_penalty: penalty } = specOf(settings).config;
  return {
    ...settings,
    ...loss,
    warmStartSteps: typeof warmStart === 'object' ? warmStart.steps : 0,
    invalidPenalty: typeof penalty === 'number' ? penalty : undefined,
    replyTokens: await shortestReply(settings, tokenizer),
  };
}

export interface WatchdogRule {
  readonly code: string;
  /** Steps in a row that it has to hold before there is a warning. */
  readonly steps: number;
  holds(metrics: WatchedMetrics, start: Start, watched: Watched): boolean;
  message(metrics: WatchedMetrics, start: Start, watched: Watched): string;
}

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
const ALL = 0.9;
/** A share of replies that is not to be passed over. */
const MANY = 0.2;
const LOW_ENTROPY = 0.05;
const SOLVED = 0.99;
const SLOWER = 10;

const isTooShort = ({ cut_off_rate }: WatchedMetrics, { maxCompletionLength, replyTokens }: Watched) =>
  cut_off_rate > MANY && maxCompletionLength < replyTokens;

const neverTaught: WatchdogRule = {
  code: 'format_unknown',
  steps: 1,
  holds: (m, start, watched) => start.invalid >= ALL && m.invalid_rate >= ALL && !isTooShort(m, watched),
  message: (m, _, { warmStartSteps }) =>
    `${percent(m.invalid_rate)} of the replies have been invalid from the first step on: the model does not know the reply format of the game, and nothing can be learned. ` +
    (warmStartSteps > 0
      ? `Give the run a longer warm start: warm_start with ${2 * warmStartSteps} steps.`
      : 'Give the run a warm start: warm_start "auto".'),
};

const cutOff: WatchdogRule = {
  code: 'cut_off',
  steps: 1,
  holds: (m, start, watched) => m.cut_off_rate > MANY && !neverTaught.holds(m, start, watched),
  message: ({ cut_off_rate }, _, { maxCompletionLength, replyTokens }) =>
    `${percent(cut_off_rate)} of the replies are cut off at ${maxCompletionLength} tokens. Allow longer ones: max_completion_length ${Math.max(2 * maxCompletionLength, 2 * replyTokens)}.`,
};

const invalidGrows: WatchdogRule = {
  code: 'invalid_growing',
  steps: 3,
  holds: (m, start) => m.invalid_rate > start.invalid + MANY && m.cut_off_rate <= MANY,
  message: (m, start, { invalidPenalty, beta, learningRate }) => {
    const seen = `${percent(m.invalid_rate)} of the replies are invalid; at the start it was ${percent(start.invalid)}.`;
    if (invalidPenalty === 0)
      return `${seen} A game without an end pays more than a lost one: give the game an invalid_penalty of 0.3.`;
    if (beta < 0.1) return `${seen} Hold the policy near its first model: beta 0.1.`;
    return `${seen} Halve the learning rate: learning_rate ${learningRate / 2}.`;
  },
};

const failing: WatchdogRule = {
  code: 'games_failing',
  steps: 1,
  holds: ({ failure_rate }) => failure_rate > 0,
  message: ({ failure_rate, first_failure = 'of an unknown error' }) =>
    `${percent(failure_rate)} of the games failed, the first because ${first_failure}${/[.!?]$/.test(first_failure) ? '' : '.'} Nothing is learned from them: mend the game.`,
};

const equalGroups: WatchdogRule = {
  code: 'equal_groups',
  steps: 5,
  holds: (m, start, watched) =>
    m.zero_variance_groups === 1 && !neverTaught.holds(m, start, watched) && m.failure_rate < 1,
  message: ({ success_rate }, _, { groupSize }) =>
    success_rate >= SOLVED
      ? 'Every game of the last steps was won, so there is nothing left to learn: end the run.'
      : `In every group of the last steps all games ended alike, so nothing is learned from them. Take larger groups: group_size ${2 * groupSize}.`,
};

const lowEntropy: WatchdogRule = {
  code: 'low_entropy',
  steps: 3,
  holds: ({ entropy }) => entropy < LOW_ENTROPY,
  message: ({ entropy, success_rate }, _, { entropyCoefficient }) =>
    `The entropy is ${entropy.toFixed(3)}: the policy hardly tries anything new. ` +
    (success_rate >= ALL
      ? 'It wins nearly every game, so this is no harm: end the run when you like.'
      : `Raise the bonus for trying things: entropy_coefficient ${entropyCoefficient > 0 ? 2 * entropyCoefficient : 0.01}.`),
};

const slow: WatchdogRule = {
  code: 'slow_steps',
  steps: 3,
  holds: (m, { tokens }) => tokens > 0 && tokensOf(m) >= SLOWER * tokens,
  message: (m, start) => {
    const times = Math.round(tokensOf(m) / start.tokens);
    const seen = `A step takes ${times} times as many tokens as the first.`;
    return m.mean_steps >= 2 * start.turns
      ? `${seen} Games last ${m.mean_steps.toFixed(1)} turns instead of ${start.turns.toFixed(1)}: cut them off sooner by max_steps of the game.`
      : `${seen} Replies grow longer: lower max_completion_length.`;
  },
};

/** In the order of their warnings. */
export const RULES: readonly WatchdogRule[] = [
  failing,
  neverTaught,
  cutOff,
  invalidGrows,
  equalGroups,
  lowEntropy,
  slow,
];

/** The cure for what a collapse is made of. */
export function cureOf(metrics: WatchedMetrics, start: Start, watched: Watched): string {
  const { failure_rate, cut_off_rate, invalid_rate } = metrics;
  const rule =
    failure_rate >= Math.max(cut_off_rate, invalid_rate) ? failing : cut_off_rate > MANY ? cutOff : invalidGrows;
  return rule.message(metrics, start, watched);
}
