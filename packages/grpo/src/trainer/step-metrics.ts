// The numbers of a training step, by their keys, and how a batch of games became some of them. What the trainer measures
// has no clock in it; a run adds what its clock and its machine say.

import type { Episode, Measured, MeasuredByGame, Metric } from '@ludic/rollouts';
import { GAME_METRICS, gameMetrics } from '@ludic/rollouts/internal';

type Table = Readonly<Record<string, Metric>>;

/** Of a batch of games. */
export const BATCH_METRICS = {
  episodes: { unit: 'games', meaning: 'Games of the step' },
  ...GAME_METRICS,
  entropy: { unit: 'nats', meaning: 'Mean entropy of the distributions that tokens were drawn from' },
  prompt_tokens: { unit: 'tokens', meaning: 'Tokens of the prompts that the policy was given' },
  completion_tokens: { unit: 'tokens', meaning: 'Tokens of its replies' },
} as const satisfies Table;

/** Of the loss. */
export const LOSS_METRICS = {
  mean_kl: { unit: 'nats', meaning: 'Mean KL term as it was used; absent where beta is 0', optional: true },
  clip_ratio_low_mean: {
    unit: 'share',
    meaning:
      'Share of action tokens (at sequence level: of sequences) whose ratio fell below 1 - epsilon with a negative advantage',
  },
  clip_ratio_high_mean: {
    unit: 'share',
    meaning:
      'Share of action tokens (at sequence level: of sequences) whose ratio rose above the upper bound with a positive advantage',
  },
  clip_ratio_region_mean: { unit: 'share', meaning: 'Sum of clip_ratio_low_mean and clip_ratio_high_mean' },
  clip_ratio_low_min: {
    unit: 'share',
    meaning: 'Smallest share of clip_ratio_low_mean within one sequence; sequences without tokens are left out',
  },
  clip_ratio_high_max: { unit: 'share', meaning: 'Largest share of clip_ratio_high_mean within one sequence' },
  max_log_ratio: {
    unit: 'nats',
    meaning: 'Largest |log π − log π_old|: 0 up to rounding on fresh data, or sampler and trainer disagree',
  },
  disagreement: { unit: 'share', meaning: 'Share of tokens whose |log π − log π_old| is more than rounding may do' },
  sampler_mismatch: {
    unit: 'nats',
    meaning: 'Mean |log π of the trainer − log π of the sampler| on fresh data; absent where both compute alike',
    optional: true,
  },
  truncated_weights: {
    unit: 'share',
    meaning: 'Share of tokens whose weight for that difference was cut off; absent where both compute alike',
    optional: true,
  },
} as const satisfies Table;

/** Of a step, as a trainer takes it. */
export const STEP_METRICS = {
  step: { unit: 'steps', meaning: 'Number of the step; the first is 1' },
  ...BATCH_METRICS,
  ...LOSS_METRICS,
  loss: { unit: 'loss', meaning: 'Loss before the first update of the step' },
  gradient_norm: { unit: 'norm', meaning: 'Norm of the first gradient of the step, before clipping' },
  skipped_updates: {
    unit: 'updates',
    meaning: 'Updates that did not happen because there was nothing to learn from: the gradient was exactly 0',
  },
  learning_rate: { unit: 'rate', meaning: 'Learning rate of AdamW' },
  zero_variance_groups: { unit: 'share', meaning: 'Share of the groups, as first drawn, whose rewards are all equal' },
  resampled_groups: { unit: 'groups', meaning: 'Groups that were drawn again' },
} as const satisfies Table;

/** Of a step of a run. */
export const LOGGED_STEP_METRICS = {
  ...STEP_METRICS,
  seconds: { unit: 'seconds', meaning: 'Time that the step took' },
  tokens_per_second: { unit: 'tokens/s', meaning: 'Tokens of prompts and replies in that time' },
  peak_memory: {
    unit: 'bytes',
    meaning: 'Most memory that the run has had, its workers included; absent where it is not known',
    optional: true,
  },
} as const satisfies Table;

export type BatchSummary = Measured<typeof BATCH_METRICS> & MeasuredByGame;
export type LossMetrics = Measured<typeof LOSS_METRICS>;
/**
 * The numbers of a step that follow from settings and seed alone, with no clock in them. Keys are snake-case, as in
 * files; the unit and meaning of each are in `LOGGED_STEP_METRICS`. `game_NAME` is what the game measures itself.
 */
export type StepMetrics = Measured<typeof STEP_METRICS> & MeasuredByGame;

/** Begins the keys of what callbacks measure, so that no number of Ludic's can have one. */
export const OF_CALLBACKS = 'own_';
/** What callbacks measure of a step, see `StepVerdict`. */
export type CallbackMetrics = { readonly [K in `${typeof OF_CALLBACKS}${string}`]?: number };
/** Whether a key stands for what a callback measures. */
export const isCallbackMetric = (key: string): key is keyof CallbackMetrics => key.startsWith(OF_CALLBACKS);
/**
 * A step as metrics.jsonl has it: `StepMetrics` with its seconds, tokens per second and peak memory in bytes, and `own_NAME`
 * for what callbacks measure.
 */
export type LoggedStepMetrics = Measured<typeof LOGGED_STEP_METRICS> & MeasuredByGame & CallbackMetrics;

export function batchSummary(episodes: readonly Episode[]): BatchSummary {
  let entropy = 0;
  let promptTokens = 0;
  let completionTokens = 0;
  for (const { reply } of episodes.flatMap((episode) => episode.turns)) {
    if (!reply.tokens) continue;
    promptTokens += reply.tokens.prompt.length;
    completionTokens += reply.tokens.completion.length;
    for (const value of reply.tokens.entropies) entropy += value;
  }
  return {
    episodes: episodes.length,
    ...gameMetrics(episodes),
    entropy: entropy / Math.max(1, completionTokens),
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
  };
}
