// Many episodes played to their ends. A game that fails is data, not a crash, and so is a reply that never came; a policy
// that fails is a real fault.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { PastTurn } from '@ludic/history';
import { PolicyError } from '@ludic/inference';
import type { EnvironmentSpec } from '../environment-spec.ts';
import type { EpisodeStart } from '../starts.ts';
import type { Episode } from '../trajectory.ts';
import { type Pace, playToTheEnd } from './pace.ts';
import { type PreparedEpisodes, prepareEpisodes, RunningEpisode } from './running-episode.ts';

/** Who plays which episodes. */
export interface Play extends Pace {
  /** One per episode: `groupStarts` or `evaluationStarts` make them. */
  readonly starts: readonly EpisodeStart[];
  /**
   * The past that the policy is shown in place of its own, for ablations: the turns of another game, or none. The history
   * strategy makes scratchpad or conversation of them; the game goes on with the policy's own replies.
   * @param game its place in `starts`
   * @param turn of the game, from 0
   */
  readonly past?: ((game: number, turn: number) => readonly PastTurn[]) | undefined;
  /**
   * Share of the games, 0 to 1, under SCRATCHPAD whose scratchpad the game writes in place of the policy: the facts that it
   * says and that the policy saw at earlier turns. So the use of true notes can be learned before their writing.
   */
  readonly givenNotes?: number | undefined;
}

/** Who plays which episodes of which game. */
export interface PlayOptions extends EnvironmentSpec<string | EnvironmentDefinition>, Play {}

/**
 * Plays all episodes to their ends, in the order of `starts`.
 * @throws EnvironmentError, HistoryError for a spec that cannot be played; what the policy rejects with
 */
export async function playEpisodes(options: PlayOptions): Promise<Episode[]> {
  const { environment, config, history } = options;
  return playPrepared(prepareEpisodes({ environment, config, history }), options);
}

/** The same for a spec that is played more than once. */
export async function playPrepared(spec: PreparedEpisodes, options: Play): Promise<Episode[]> {
  const { starts, past, givenNotes } = options;
  const { attempts = 1, lockstep } = spec.environment;
  const episodes: Episode[] = [];
  let open = starts.map((start, game) => ({ start, game }));
  for (let attempt = 1; open.length > 0; attempt++) {
    const runs = open.map(({ start }) => new RunningEpisode(spec, start, { givenNotes }));
    const gameOf = past && new Map(runs.map((run, i) => [run, open[i]!.game]));
    const prompt = (run: RunningEpisode) => run.prompt(past?.(gameOf!.get(run)!, run.turns.length));
    try {
      await playToTheEnd(runs, prompt, { lockstep, ...options });
    } finally {
      for (const run of runs) run.close();
    }
    for (const [i, run] of runs.entries()) episodes[open[i]!.game] = run.episode();
    if (attempt >= attempts) break;
    open = open.filter(({ game }) => episodes[game]!.endReason === 'failed');
  }
  return episodes;
}

/**
 * For games whose very first prompts are too long: then the context is too small for the game, which no other game mends.
 * @throws PolicyError `prompt_too_long` where no episode had room for a reply
 */
export function assertRoom(episodes: readonly Episode[]): void {
  const first = episodes[0];
  if (first && episodes.every(({ endReason, turns }) => endReason === 'context_full' && turns.length === 0))
    throw new PolicyError('prompt_too_long', first.error!);
}
