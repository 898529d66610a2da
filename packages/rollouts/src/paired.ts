// Two players of the same games: how far apart they are, game by game. What made a game easy or hard for both does not
// count, so far fewer games tell two policies apart than by their own intervals.

import { average, bootstrapInterval, type Interval } from './statistics.ts';
import { type Episode, SUCCESS_REWARD } from './trajectory.ts';

export interface Difference {
  /** Of the first less the second, averaged over the games. */
  readonly mean: number;
  /** Paired bootstrap, 95 %. */
  readonly interval: Interval;
}

export interface PairedDifference {
  readonly games: number;
  readonly reward: Difference;
  /** Of the shares of successes, between -1 and 1. */
  readonly success: Difference;
}

type Game = Pick<Episode, 'seed' | 'reward'>;

/**
 * Compares the episodes of two evaluations that began alike: same environment, settings, seed and number of episodes.
 * @param seed names the stream of the bootstrap
 * @throws Error where the games are not the same
 */
export function pairedDifference(first: readonly Game[], second: readonly Game[], seed: number): PairedDifference {
  if (first.length !== second.length || first.some((game, i) => game.seed !== second[i]!.seed))
    throw new Error('These are not the same games: compare evaluations with one seed and one number of episodes.');
  const difference = (value: (game: Game) => number): Difference => {
    const differences = first.map((game, i) => value(game) - value(second[i]!));
    return { mean: average(differences), interval: bootstrapInterval(differences, seed) };
  };
  return {
    games: first.length,
    reward: difference(({ reward }) => reward),
    success: difference(({ reward }) => (reward > SUCCESS_REWARD ? 1 : 0)),
  };
}
