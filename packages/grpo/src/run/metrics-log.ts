// Lines of metrics.jsonl, and the one reader of them. Runs that were written before the keys were what they are now
// still open: camelCase names are the older ones, and are mapped here alone.

import { isObject, type JsonObject, parseObject } from '@ludic/io';
import { EVALUATION_METRICS, type Evaluation, type Interval } from '@ludic/rollouts';
import { isGameMetric, isNotesMetric } from '@ludic/rollouts/internal';
import { camelCase, renamed } from '../settings/convert.ts';
import { LOGGED_STEP_METRICS, type LoggedStepMetrics } from '../trainer/step-metrics.ts';
import type { WarmStartResult } from '../warm-start/begin-format.ts';
import type { SampledRate } from './evaluation-score.ts';

/** A line of metrics.jsonl. */
export type LogLine =
  | (LoggedStepMetrics & { readonly type: 'step' })
  | (Evaluation &
      Partial<SampledRate> & {
        readonly type: 'evaluation';
        readonly step: number;
        /** Runs of earlier versions do not say it. */
        readonly temperature?: number;
        readonly best: boolean;
        readonly seconds: number;
      })
  | (WarmStartResult & { readonly type: 'warm_start'; readonly step: 0 });

/** What keys were called before, where that is more than their letters. */
const EARLIER_STEP: Readonly<Record<string, string>> = {
  ...earlierNames(LOGGED_STEP_METRICS),
  reward: 'mean_reward',
  turns: 'mean_steps',
};
const EARLIER_EVALUATION: Readonly<Record<string, string>> = {
  ...earlierNames(EVALUATION_METRICS),
  episodes: 'total_episodes',
  meanRewardInterval: 'mean_reward_ci95',
};

function earlierNames(table: object): Record<string, string> {
  return Object.fromEntries(Object.keys(table).map((key) => [camelCase(key), key]));
}

/** A rate that was an object with its interval. */
function rate(value: unknown, key: string, interval: string): JsonObject {
  return isObject(value) ? { [key]: value.rate, [interval]: value.interval as Interval } : {};
}

/** The results of an evaluation under the keys of now, whenever they were written. */
export function currentEvaluation(written: JsonObject): JsonObject {
  const { success, invalidEpisodes, outcomes, sampled, ...others } = written;
  const { win, draw, loss } = isObject(outcomes) ? outcomes : {};
  const beside = isObject(sampled) ? Object.entries(renamed(sampled, EARLIER_STEP)) : [];
  return {
    ...renamed(others, EARLIER_EVALUATION),
    ...rate(success, 'success_rate', 'success_ci95'),
    ...rate(invalidEpisodes, 'invalid_episode_rate', 'invalid_episode_ci95'),
    ...rate(win, 'win_rate', 'win_ci95'),
    ...rate(draw, 'draw_rate', 'draw_ci95'),
    ...rate(loss, 'loss_rate', 'loss_ci95'),
    ...Object.fromEntries(beside.map(([key, value]) => [`sampled_${key}`, value])),
  };
}

const currentFormat = (format: unknown): unknown =>
  isObject(format) ? renamed(format, { invalidRate: 'invalid_rate', cutOffRate: 'cut_off_rate' }) : format;

function current(row: JsonObject): JsonObject {
  switch (row.type) {
    case 'step':
      return renamed(row, EARLIER_STEP);
    case 'evaluation':
      return currentEvaluation(row);
    case 'warm_start':
      return { ...row, before: currentFormat(row.before), after: currentFormat(row.after) };
    default:
      return row;
  }
}

/** @returns undefined for what is no line of ours: damaged, half written, or of another type */
export function readLogLine(text: string): LogLine | undefined {
  const row = parseObject(text);
  if (!row || !TYPES.has(row.type) || !Number.isSafeInteger(row.step)) return undefined;
  // A run writes the numbers of the line's type into it.
  return current(row) as unknown as LogLine;
}

const TYPES: ReadonlySet<unknown> = new Set(['step', 'evaluation', 'warm_start'] satisfies LogLine['type'][]);

/** The results in a line of an evaluation, without what stands beside them. */
export const evaluationOf = (line: Extract<LogLine, { readonly type: 'evaluation' }>): Evaluation =>
  // The line has them all.
  Object.fromEntries(
    Object.entries(line).filter(
      ([key]) => Object.hasOwn(EVALUATION_METRICS, key) || isNotesMetric(key) || isGameMetric(key),
    ),
  ) as unknown as Evaluation;
