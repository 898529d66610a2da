// What the watchdogs remember from step to step. It is plain JSON and part of every checkpoint, so a resumed run warns
// and stops where the whole one would have.

import type { StepMetrics } from '../trainer/step-metrics.ts';

/** What the watchdogs look at of a step. */
export type WatchedMetrics = Pick<
  StepMetrics,
  | 'step'
  | 'success_rate'
  | 'invalid_rate'
  | 'failure_rate'
  | 'first_failure'
  | 'cut_off_rate'
  | 'entropy'
  | 'mean_steps'
  | 'prompt_tokens'
  | 'completion_tokens'
  | 'zero_variance_groups'
>;

/** The first step: its games are played by the model as it was before any update. */
export interface Start {
  readonly success: number;
  readonly invalid: number;
  /** The largest of the shares that count as bad. */
  readonly bad: number;
  readonly turns: number;
  readonly tokens: number;
}

export interface WatchState {
  readonly start?: Start;
  /** For each rule that holds: so many steps in a row. */
  readonly lasting: Readonly<Record<string, number>>;
  /** For each rule: the step of its last warning. */
  readonly told: Readonly<Record<string, number>>;
  /** Bad updates in a row, oldest first, no more than decide. */
  readonly badUpdates: readonly { readonly success: number; readonly bad: number }[];
  /** How often the run went back to its best checkpoint. */
  readonly reverts: number;
}

export const NOTHING_WATCHED: WatchState = { lasting: {}, told: {}, badUpdates: [], reverts: 0 };

/** The largest share of what makes a step bad: replies that are invalid or cut off, games that failed. */
export const badShare = ({ invalid_rate, failure_rate, cut_off_rate }: WatchedMetrics) =>
  Math.max(invalid_rate, failure_rate, cut_off_rate);

/** All that the model was given and gave: what a step costs, without a clock. */
export const tokensOf = ({ prompt_tokens, completion_tokens }: WatchedMetrics) => prompt_tokens + completion_tokens;

export const startOf = (metrics: WatchedMetrics): Start => ({
  success: metrics.success_rate,
  invalid: metrics.invalid_rate,
  bad: badShare(metrics),
  turns: metrics.mean_steps,
  tokens: tokensOf(metrics),
});
