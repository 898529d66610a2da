// What evaluations leave behind: results that stand beside each other, and files made of them.

import { type PairedDifference, pairedDifference } from '@ludic/rollouts';
import type { Answers, GameLine } from '../engine/protocol.ts';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { policyText } from '../ui/link-values.ts';
import type { Contestant, Setting } from './evaluation-spec.ts';

export interface Result extends Readonly<Answers['evaluate']> {
  readonly contestant: Contestant;
  /** What it was played with; a later result of the same setting takes its place. */
  readonly setting: Setting;
}

/** Results on the same games. */
export interface Match {
  /** Which games: equal for those that may be compared. */
  readonly key: string;
  readonly results: readonly Result[];
}

export type Entry = Pick<Result, 'contestant' | 'setting'>;
/** As much of a result as a comparison rests on. */
export type Compared = Entry & { readonly games: readonly Pick<GameLine, 'seed' | 'reward'>[] };

/** Equal for what would give equal results. What a scripted player does rests on the game alone. */
export const identity = ({ contestant, setting }: Entry): string =>
  [
    policyText(contestant),
    ...(contestant.kind === 'model'
      ? [contestant.history, setting.temperature, setting.maxCompletionLength, setting.device]
      : []),
  ].join(' ');

/** Adds a result to the match of its games, which comes first then. */
export function withResult(matches: readonly Match[], key: string, result: Result): readonly Match[] {
  const match = matches.find((one) => one.key === key) ?? { key, results: [] };
  const at = match.results.findIndex((one) => identity(one) === identity(result));
  const results = at < 0 ? [...match.results, result] : match.results.with(at, result);
  return [{ key, results }, ...matches.filter((one) => one !== match)];
}

/** `nano (perfect notes)`, with more where that does not tell the results of a match apart. */
export function titleOf({ contestant, setting }: Entry, among: readonly Entry[]): string {
  if (contestant.kind === 'scripted') return contestant.name.replaceAll('_', ' ');
  const parts: string[] = [HISTORY_TITLES[contestant.history]];
  const alike = among.filter(
    (other) =>
      policyText(other.contestant) === policyText(contestant) && other.contestant.history === contestant.history,
  );
  const differ = (name: 'temperature' | 'maxCompletionLength' | 'device', from = alike) =>
    from.some((other) => other.setting[name] !== setting[name]);
  const models = among.filter((other) => other.contestant.kind === 'model');
  if (differ('temperature', models)) parts.push(`temperature ${setting.temperature}`);
  if (differ('maxCompletionLength')) parts.push(`up to ${setting.maxCompletionLength} tokens`);
  if (differ('device')) parts.push(`on ${setting.device}`);
  return `${contestant.name} (${parts.join(', ')})`;
}

const differences = new WeakMap<Compared['games'], WeakMap<Compared['games'], PairedDifference>>();

/** How far a result is from another on the same games; counted once for each two. */
export function differenceOf(result: Compared, from: Compared): PairedDifference {
  let known = differences.get(result.games);
  if (!known) differences.set(result.games, (known = new WeakMap()));
  let paired = known.get(from.games);
  if (!paired) known.set(from.games, (paired = pairedDifference(result.games, from.games, result.setting.seed)));
  return paired;
}

/** In the words of `ludic evaluate --json`, with all games and the differences from the first. */
export function matchJson({ results }: Match): string {
  const { environment, config, episodes, seed } = results[0]!.setting;
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

/** A line for each contestant. */
export function matchCsv({ results }: Match): string {
  const rows = results.map((result) => {
    const { setting } = result;
    return {
      env_type: setting.environment,
      env_config: JSON.stringify(setting.config),
      seed: setting.seed,
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

/** A line for each game of each contestant. */
export const gamesCsv = ({ results }: Match): string =>
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

const describe = ({ contestant, setting, device }: Result) => ({
  model: contestant.name,
  history_strategy: contestant.history,
  temperature: contestant.kind === 'model' ? setting.temperature : '',
  max_completion_length: contestant.kind === 'model' ? setting.maxCompletionLength : '',
  device,
});

const numbersOf = ({ evaluation, seconds, tokens }: Result) => ({ ...evaluation, seconds, tokens });

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
