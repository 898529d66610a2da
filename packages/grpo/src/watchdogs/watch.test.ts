// The watchdogs against runs that went well, whose kept curves no alarm may stop, and against runs that went wrong.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Watched } from './rules.ts';
import { NOTHING_WATCHED, type WatchedMetrics, type WatchState } from './state.ts';
import { watch } from './watch.ts';

const CURVES = new URL('../../../../recipes/curves/', import.meta.url);

const watched: Watched = {
  maxCompletionLength: 64,
  groupSize: 8,
  learningRate: 1e-3,
  beta: 0,
  entropyCoefficient: 0,
  warmStartSteps: 0,
  invalidPenalty: 0,
  replyTokens: 3,
};
const calm: WatchedMetrics = {
  step: 1,
  success_rate: 0.45,
  invalid_rate: 0.01,
  failure_rate: 0,
  cut_off_rate: 0,
  entropy: 1.5,
  mean_steps: 4,
  prompt_tokens: 1000,
  completion_tokens: 100,
  zero_variance_groups: 0.1,
};

/** Watches step after step; ends where a collapse is found. */
function follow(steps: readonly Partial<WatchedMetrics>[], more: Partial<Watched> = {}) {
  let state: WatchState = NOTHING_WATCHED;
  const warnings: string[] = [];
  for (const [i, step] of steps.entries()) {
    const seen = watch(state, { ...calm, ...step, step: i + 1 }, { ...watched, ...more });
    // As it comes back from a checkpoint.
    state = JSON.parse(JSON.stringify(seen.state));
    warnings.push(...seen.warnings);
    if (seen.collapse !== undefined) return { warnings, collapse: seen.collapse, step: i + 1 };
  }
  return { warnings, collapse: undefined, step: steps.length };
}
const times = (count: number, step: Partial<WatchedMetrics>) => Array.from({ length: count }, () => step);

describe('a run that goes well', () => {
  interface Curve {
    readonly results: { readonly invalid_rate: number; readonly failure_rate?: number };
    readonly curve: readonly { step: number; entropy: number; success_rate: number; mean_steps: number }[];
  }

  it.each(readdirSync(CURVES))('is not stopped: %s', (name) => {
    const { results, curve } = JSON.parse(readFileSync(new URL(name, CURVES), 'utf8')) as Curve;
    expect(curve.length).toBeGreaterThan(0);
    // What a curve keeps of its evaluations is held from one to the next; it kept invalid replies of the end alone.
    const steps = curve.flatMap(({ step, entropy, success_rate, mean_steps }, i) =>
      times(step - (curve[i - 1]?.step ?? 0), {
        entropy,
        success_rate,
        mean_steps,
        invalid_rate: results.invalid_rate,
        zero_variance_groups: success_rate === 1 ? 1 : 0.1,
        prompt_tokens: 250 * mean_steps,
        completion_tokens: 3 * mean_steps,
      }),
    );
    expect(follow(steps).collapse).toBeUndefined();
  });

  it('is not stopped when it is solved: no entropy, equal groups', () => {
    const { collapse, warnings } = follow(times(60, { success_rate: 1, entropy: 0.003, zero_variance_groups: 1 }));
    expect(collapse).toBeUndefined();
    expect(warnings).toEqual([
      expect.stringContaining('The entropy is 0.003'),
      expect.stringContaining('nothing left to learn'),
      expect.stringContaining('The entropy is 0.003'),
      expect.stringContaining('nothing left to learn'),
    ]);
  });

  it('is not stopped while it learns a format that it began without', () => {
    const learning = Array.from({ length: 30 }, (_, i) => ({
      invalid_rate: 0.89 - 0.01 * i,
      success_rate: i < 5 ? 0.03 : 0.02,
    }));
    expect(follow(learning).collapse).toBeUndefined();
  });

  it('is not stopped for bad replies of a policy that wins more than at the start', () => {
    expect(follow([{}, ...times(30, { invalid_rate: 0.7, success_rate: 0.5 })]).collapse).toBeUndefined();
  });
});

describe('a run that goes wrong', () => {
  it('is stopped after ten bad updates in a row, as the service did with a rate of 0.001', () => {
    // Steps of the deploy guide's own command: 86 to 89 % invalid by step 9, five hundred times the time of a step.
    const growing = Array.from({ length: 8 }, (_, i) => ({
      invalid_rate: 0.05 + 0.05 * i,
      prompt_tokens: 1000 * 2 ** i,
      mean_steps: 4 + i,
    }));
    const fallen = times(20, { invalid_rate: 0.87, success_rate: 0.2, prompt_tokens: 400_000, mean_steps: 40 });
    const { collapse, step, warnings } = follow([{}, ...growing, ...fallen]);
    expect(step).toBe(19);
    expect(collapse).toContain('success was 20.0 %, at first 45.0 %');
    expect(collapse).toContain('87 % of the replies are invalid');
    expect(collapse).toContain('invalid_penalty of 0.3');
    expect(warnings).toEqual([
      expect.stringContaining('of the replies are invalid; at the start it was 1.0 %'),
      expect.stringContaining('times as many tokens as the first. Games last'),
    ]);
  });

  it('is not stopped by nine', () => {
    const bad = times(9, { invalid_rate: 0.9, success_rate: 0 });
    expect(follow([{}, ...bad, {}, ...bad, {}]).collapse).toBeUndefined();
  });

  it.each([
    ['replies cut off', { cut_off_rate: 1, invalid_rate: 1, success_rate: 0 }, 'max_completion_length 128'],
    [
      'failed games',
      { failure_rate: 0.6, success_rate: 0, first_failure: 'boom' },
      'the first because boom. Nothing is learned from them',
    ],
  ])('is stopped for %s', (_, step, cure) => {
    const { collapse } = follow([{}, ...times(10, step)]);
    expect(collapse).toContain(cure);
  });
});

describe('a warning has one cause and one cure', () => {
  const first = (step: Partial<WatchedMetrics>, more: Partial<Watched> = {}) => follow(times(5, step), more).warnings;

  it('for a format that was never taught: a warm start', () => {
    const never = { invalid_rate: 1, cut_off_rate: 1, success_rate: 0, zero_variance_groups: 1 };
    expect(first(never)).toEqual([expect.stringMatching(/does not know the reply format.*warm_start "auto"/)]);
    expect(first(never, { warmStartSteps: 50 })).toEqual([expect.stringContaining('warm_start with 100 steps')]);
  });

  it('for replies that the limit is too short for: longer ones, and no word of beta', () => {
    const cut = { invalid_rate: 1, cut_off_rate: 1, success_rate: 0 };
    const [warning, ...others] = first(cut, { maxCompletionLength: 2, replyTokens: 5 });
    expect(warning).toContain('cut off at 2 tokens. Allow longer ones: max_completion_length 10');
    expect(warning).not.toContain('beta');
    expect(others).toEqual([]);
  });

  it('for games that fail: the first failure', () => {
    expect(first({ failure_rate: 1, zero_variance_groups: 1, first_failure: 'the key is gone.' })).toEqual([
      '100 % of the games failed, the first because the key is gone. Nothing is learned from them: mend the game.',
    ]);
  });

  it('for equal groups that are not solved: larger groups', () => {
    expect(first({ zero_variance_groups: 1, success_rate: 0.3 })).toEqual([expect.stringContaining('group_size 16')]);
  });

  it('is told again after fifty steps, not before', () => {
    expect(follow(times(50, { failure_rate: 0.1 })).warnings).toHaveLength(1);
    expect(follow(times(51, { failure_rate: 0.1 })).warnings).toHaveLength(2);
  });
});
