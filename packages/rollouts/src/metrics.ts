// The numbers of games, by their keys. A key stands for one number wherever it is told: in files, callbacks, answers of
// the service, dashboards and the page. Keys are data, so they are written as the service writes them.

import { average, type Interval } from './statistics.ts';
import { type Episode, isSuccess, SUCCESS_REWARD } from './trajectory.ts';

/** What is known of a number before it is measured. */
export interface Metric {
  readonly meaning: string;
  /** A share lies between 0 and 1. */
  readonly unit: string;
  /** A number where absent. An interval is `[low, high]`, at 95 %. */
  readonly type?: 'interval' | 'text';
  /** It is left out where it means nothing. */
  readonly optional?: true;
}

type ValueOf<M> = M extends { readonly type: 'interval' }
  ? Interval
  : M extends { readonly type: 'text' }
    ? string
    : number;

/** Values of the metrics of a table. */
export type Measured<Table> = {
  readonly [K in keyof Table as Table[K] extends { readonly optional: true } ? never : K]: ValueOf<Table[K]>;
} & {
  readonly [K in keyof Table as Table[K] extends { readonly optional: true } ? K : never]?: ValueOf<Table[K]>;
};

/** Of any number of games, of a training step as of an evaluation. */
export const GAME_METRICS = {
  mean_reward: { unit: 'reward', meaning: 'Mean total reward of a game' },
  success_rate: {
    unit: 'share',
    meaning: `Share of games with a total reward above ${SUCCESS_REWARD}, or that the game itself calls a success`,
  },
  win_rate: { unit: 'share', meaning: 'Share of games won, in two-player games', optional: true },
  draw_rate: { unit: 'share', meaning: 'Share of games drawn, in two-player games', optional: true },
  loss_rate: { unit: 'share', meaning: 'Share of games lost, in two-player games', optional: true },
  mean_steps: { unit: 'steps', meaning: 'Mean steps of a game, each a reply' },
  invalid_rate: { unit: 'share', meaning: 'Share of replies that the game refused' },
  truncation_rate: { unit: 'share', meaning: 'Share of games that the step limit ended' },
  context_full_rate: { unit: 'share', meaning: 'Share of games that outgrew the context of the model' },
  failure_rate: { unit: 'share', meaning: 'Share of games that could not be scored' },
  first_failure: {
    unit: 'text',
    type: 'text',
    meaning: 'Why the first game that could not be scored failed',
    optional: true,
  },
  cut_off_rate: { unit: 'share', meaning: 'Share of replies cut off at the token limit' },
} as const satisfies Readonly<Record<string, Metric>>;

/** Of an evaluation: those of its games, with how far they may be from the true ones. */
export const EVALUATION_METRICS = {
  total_episodes: { unit: 'games', meaning: 'Games of the evaluation' },
  ...GAME_METRICS,
  mean_reward_ci95: { unit: 'reward', type: 'interval', meaning: 'Interval of mean_reward (bootstrap)' },
  success_ci95: { unit: 'share', type: 'interval', meaning: 'Interval of success_rate (Wilson)' },
  win_ci95: { unit: 'share', type: 'interval', meaning: 'Interval of win_rate (Wilson)', optional: true },
  draw_ci95: { unit: 'share', type: 'interval', meaning: 'Interval of draw_rate (Wilson)', optional: true },
  loss_ci95: { unit: 'share', type: 'interval', meaning: 'Interval of loss_rate (Wilson)', optional: true },
  invalid_episode_rate: { unit: 'share', meaning: 'Share of games with at least one reply that the game refused' },
  invalid_episode_ci95: { unit: 'share', type: 'interval', meaning: 'Interval of invalid_episode_rate (Wilson)' },
} as const satisfies Readonly<Record<string, Metric>>;

/** Rates (0 to 1) and means over games; won, drawn and lost shares only where some game had an outcome. */
export type GameMetrics = Measured<typeof GAME_METRICS> & MeasuredByGame;

const OWN = 'game_';

/** What games measure themselves, see `StepInfo.metrics`: means over games of what each adds up to. */
export type MeasuredByGame = { readonly [K in `${typeof OWN}${string}`]?: number };

/** Whether a key stands for what a game measures itself. */
export const isGameMetric = (key: string): key is keyof MeasuredByGame => key.startsWith(OWN);

/** The name that the game gave to what a key stands for. */
export const gameMetricName = (key: keyof MeasuredByGame): string => key.slice(OWN.length);

/** A row for each number that the game measures itself: its name, and its mean over games. */
export const gameMetricRows = (measured: MeasuredByGame): readonly (readonly [name: string, mean: number])[] =>
  Object.keys(measured)
    .filter(isGameMetric)
    .map((key) => [gameMetricName(key).replaceAll('_', ' '), measured[key]!]);

function measuredByGame(episodes: readonly Episode[]): MeasuredByGame {
  const sums = new Map<string, number>();
  for (const { turns } of episodes)
    for (const { info } of turns)
      for (const [name, value] of Object.entries(info.metrics ?? {})) sums.set(name, (sums.get(name) ?? 0) + value);
  const names = [...sums.keys()].sort();
  return Object.fromEntries(names.map((name) => [`${OWN}${name}`, sums.get(name)! / episodes.length]));
}

/** Sums up games; of none, every rate is 0. A failed game counts in all rates, with the rewards that it had earned. */
export function gameMetrics(episodes: readonly Episode[]): GameMetrics {
  const rate = (test: (episode: Episode) => boolean) => episodes.filter(test).length / Math.max(1, episodes.length);
  const turns = episodes.flatMap((episode) => episode.turns);
  const rateOfReplies = (test: (turn: Episode['turns'][number]) => boolean) =>
    turns.filter(test).length / Math.max(1, turns.length);
  const firstFailure = episodes.find((episode) => episode.endReason === 'failed')?.error;
  return {
    mean_reward: average(episodes.map((episode) => episode.reward)),
    success_rate: rate(isSuccess),
    ...(episodes.some((episode) => episode.outcome) && {
      win_rate: rate((episode) => episode.outcome === 'win'),
      draw_rate: rate((episode) => episode.outcome === 'draw'),
      loss_rate: rate((episode) => episode.outcome === 'loss'),
    }),
    mean_steps: turns.length / Math.max(1, episodes.length),
    invalid_rate: rateOfReplies((turn) => turn.info.invalid),
    truncation_rate: rate((episode) => episode.endReason === 'truncated'),
    context_full_rate: rate((episode) => episode.endReason === 'context_full'),
    failure_rate: rate((episode) => episode.endReason === 'failed'),
    ...(firstFailure !== undefined && { first_failure: firstFailure }),
    cut_off_rate: rateOfReplies((turn) => turn.reply.finish === 'length'),
    ...measuredByGame(episodes),
  };
}
