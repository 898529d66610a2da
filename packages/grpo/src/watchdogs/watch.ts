// The watchdogs of a run: pure functions of what they remember and the numbers of a step. None of them reads a clock.
// They warn of what may be wrong, and find a collapse only where the policy has become worse than it was at the start: a
// game that is solved has no entropy and equal groups too.

import { cureOf, RULES, type Watched } from './rules.ts';
import { badShare, startOf, type WatchedMetrics, type WatchState } from './state.ts';

export interface Watch {
  readonly state: WatchState;
  /** One sentence and one cure each. */
  readonly warnings: readonly string[];
  /** Why the policy counts as collapsed; undefined while it does not. */
  readonly collapse: string | undefined;
}

/** A warning that still holds is repeated after so many steps. */
const SILENCE = 50;
/** More than this share of replies or games counts as a bad update. */
const BAD = 0.5;
/** So many bad updates in a row decide. */
const DECIDING = 10;

export function watch(before: WatchState, metrics: WatchedMetrics, watched: Watched): Watch {
  const start = before.start ?? startOf(metrics);
  const lasting: Record<string, number> = {};
  const told: Record<string, number> = { ...before.told };
  const warnings: string[] = [];
  for (const rule of RULES) {
    if (!rule.holds(metrics, start, watched)) continue;
    const steps = (before.lasting[rule.code] ?? 0) + 1;
    lasting[rule.code] = steps;
    const last = told[rule.code];
    if (steps < rule.steps || (last !== undefined && metrics.step - last < SILENCE)) continue;
    told[rule.code] = metrics.step;
    warnings.push(rule.message(metrics, start, watched));
  }
  const bad = badShare(metrics);
  const update = { success: metrics.success_rate, bad };
  const badUpdates = bad > BAD ? [...before.badUpdates, update].slice(-DECIDING) : [];
  const state: WatchState = { ...before, start, lasting, told, badUpdates };
  const success = mean(badUpdates.map((each) => each.success));
  const isCollapse =
    badUpdates.length === DECIDING && success < start.success && mean(badUpdates.map((each) => each.bad)) > start.bad;
  if (!isCollapse) return { state, warnings, collapse: undefined };
  const [was, is] = [start.success, success].map((share) => `${(100 * share).toFixed(1)} %`);
  const collapse = `The policy has become worse than at the start: over the last ${DECIDING} steps the success was ${is}, at first ${was}. ${cureOf(metrics, start, watched)}`;
  return { state, warnings, collapse };
}

/** What is remembered once a collapse was answered: ten updates more decide anew. */
export const afterCollapse = (state: WatchState, reverts: number): WatchState => ({
  ...state,
  lasting: {},
  badUpdates: [],
  reverts,
});

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
