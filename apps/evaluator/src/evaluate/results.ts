// What evaluations leave behind: results that stand beside each other, and files made of them.

import { type PairedDifference, pairedDifference } from '@ludic/rollouts';
import type { Answers, GameLine } from '../engine/protocol.ts';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { policyText } from '../ui/link-values.ts';
import type { EvaluationSpec, PolicyEntry } from './evaluation-spec.ts';

/** What an evaluation of one policy has found. */
export interface Result extends Readonly<Answers['evaluate']> {
  readonly entry: PolicyEntry;
  /** What it was played with; a later result of the same spec takes its place. */
  readonly spec: EvaluationSpec;
}

/** Results on the same games. */
export interface Comparison {
  /** Which games: equal for those that may be compared. */
  readonly key: string;
  readonly results: readonly Result[];
}

/** Which policy was evaluated, and how. */
export type Entry = Pick<Result, 'entry' | 'spec'>;
/** As much of a result as a comparison rests on. */
export type Compared = Entry & { readonly games: readonly Pick<GameLine, 'seed' | 'reward' | 'success' | 'steps'>[] };

/** Equal for what would give equal results. What a scripted player does rests on the game alone. */
export const identity = ({ entry, spec }: Entry): string =>
  [
    policyText(entry),
    ...(entry.kind === 'model' ? [entry.history, spec.temperature, spec.maxCompletionLength, spec.device] : []),
  ].join(' ');

/** Adds a result to the comparison of its games, which comes first then. */
export function withResult(comparisons: readonly Comparison[], key: string, result: Result): readonly Comparison[] {
  const comparison = comparisons.find((one) => one.key === key) ?? { key, results: [] };
  const at = comparison.results.findIndex((one) => identity(one) === identity(result));
  const results = at < 0 ? [...comparison.results, result] : comparison.results.with(at, result);
  return [{ key, results }, ...comparisons.filter((one) => one !== comparison)];
}

/** `nano (perfect notes)`, with more where that does not tell the results of a comparison apart. */
export function titleOf({ entry, spec }: Entry, among: readonly Entry[]): string {
  if (entry.kind === 'scripted') return entry.name.replaceAll('_', ' ');
  const parts: string[] = [HISTORY_TITLES[entry.history]];
  const alike = among.filter(
    (other) => policyText(other.entry) === policyText(entry) && other.entry.history === entry.history,
  );
  const differ = (name: 'temperature' | 'maxCompletionLength' | 'device', from = alike) =>
    from.some((other) => other.spec[name] !== spec[name]);
  const models = among.filter((other) => other.entry.kind === 'model');
  if (differ('temperature', models)) parts.push(`temperature ${spec.temperature}`);
  if (differ('maxCompletionLength')) parts.push(`up to ${spec.maxCompletionLength} tokens`);
  if (differ('device')) parts.push(`on ${spec.device}`);
  return `${entry.name} (${parts.join(', ')})`;
}

const differences = new WeakMap<Compared['games'], WeakMap<Compared['games'], PairedDifference>>();

/** How far a result is from another on the same games; counted once for each two. */
export function differenceOf(result: Compared, from: Compared): PairedDifference {
  let known = differences.get(result.games);
  if (!known) differences.set(result.games, (known = new WeakMap()));
  let paired = known.get(from.games);
  if (!paired) known.set(from.games, (paired = pairedDifference(result.games, from.games, result.spec.seed)));
  return paired;
}

/** In the words of `ludic evaluate --json`, with all games and the differences from the first. */
export function comparisonJson({ results }: Comparison): string {
  const { environment, config, episodes, seed } = results[0]!.spec;
  const [first] = results;
  const contestants = results.map((result) => ({
    ...describe(result),
    results: numbersOf(result),
    episodes: result.games.map(({ endReason, ...game }) => ({ ...game, end_reason: endReason })),
  }));
  const told = results.slice(1).map((result) => ({
    of: describe(result),
    from: describe(first!),
    ...differenceOf(result, first!),
  }));
  const whole = {
    env_type: environment,
    env_config: config,
    eval_episodes: episodes,
    seed,
    contestants,
    differences: told,
  };
  return `${JSON.stringify(whole, null, 1)}\n`;
}

/** A line for each entry. */
export function comparisonCsv({ results }: Comparison): string {
  const rows = results.map((result) => {
    const { spec } = result;
    return {
      env_type: spec.environment,
      env_config: JSON.stringify(spec.config),
      seed: spec.seed,
      ...describe(result),
      ...Object.fromEntries(
        Object.entries(numbersOf(result)).flatMap(([name, value]): [string, unknown][] =>
          Array.isArray(value)
            ? [
                [`${name}_low`, value[0]],
                [`${name}_high`, value[1]],
              ]
            : [[name, value]],
        ),
      ),
    };
  });
  return csv(rows);
}

/** A line for each game of each entry. */
export const gamesCsv = ({ results }: Comparison): string =>
  csv(
    results.flatMap((result) =>
      result.games.map((game, episode) => ({
        ...describe(result),
        episode,
        seed: game.seed,
        reward: game.reward,
        steps: game.steps,
        invalid: game.invalid,
        end_reason: game.endReason,
        outcome: game.outcome ?? '',
      })),
    ),
  );

const describe = ({ entry, spec, device }: Result) => ({
  model: entry.name,
  history_strategy: entry.history,
  temperature: entry.kind === 'model' ? spec.temperature : '',
  max_completion_length: entry.kind === 'model' ? spec.maxCompletionLength : '',
  device,
});

const numbersOf = ({ evaluation, seconds, tokens }: Result) => ({ ...evaluation, seconds, tokens });

/** Rows as CSV after RFC 4180. Columns are all names that occur, in the order of their first row. */
function csv(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown) => {
    let text = value === undefined ? '' : String(value);
    // Spreadsheets take what begins so for a formula; numbers may be below zero.
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [names, ...rows.map((row) => names.map((name) => row[name]))]
    .map((cells) => `${cells.map(cell).join(',')}\r\n`)
    .join('');
}
