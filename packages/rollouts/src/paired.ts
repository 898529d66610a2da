// Two players of the same games: how far apart they are, game by game. What made a game easy or hard for both does not
// count, so far fewer games tell two policies apart than by their own intervals.

import { average, bootstrapInterval, type Interval } from './statistics.ts';
import { type Episode, isSuccess } from './trajectory.ts';

/** Of the first less the second, under the keys of what differs; intervals are those of a paired bootstrap, 95 %. */
export interface PairedDifference {
  readonly total_episodes: number;
  readonly mean_reward: number;
  readonly mean_reward_ci95: Interval;
  /** Between -1 and 1. */
  readonly success_rate: number;
  readonly success_ci95: Interval;
  /** A game that the step limit ended counts with all of its steps. */
  readonly mean_steps: number;
  readonly mean_steps_ci95: Interval;
}

type PairedGame = Pick<Episode, 'seed' | 'reward' | 'success'> & (Pick<Episode, 'turns'> | { readonly steps: number });

const stepsOf = (game: PairedGame) => ('steps' in game ? game.steps : game.turns.length);

/**
 * Compares the episodes of two evaluations that began alike: same environment, settings, seed and number of episodes.
 * @param seed names the stream of the bootstrap
 * @throws Error where the games are not the same
 */
export function pairedDifference(
  first: readonly PairedGame[],
  second: readonly PairedGame[],
  seed: number,
): PairedDifference {
  if (first.length !== second.length || first.some((game, i) => game.seed !== second[i]!.seed))
    throw new Error('These are not the same games: compare evaluations with one seed and one number of episodes.');
  const differences = (value: (game: PairedGame) => number) => first.map((game, i) => value(game) - value(second[i]!));
  const rewards = differences(({ reward }) => reward);
  const successes = differences((game) => (isSuccess(game) ? 1 : 0));
  const steps = differences(stepsOf);
  return {
    total_episodes: first.length,
    mean_reward: average(rewards),
    mean_reward_ci95: bootstrapInterval(rewards, seed),
    success_rate: average(successes),
    success_ci95: bootstrapInterval(successes, seed),
    mean_steps: average(steps),
    mean_steps_ci95: bootstrapInterval(steps, seed),
  };
}
