// Many episodes in lockstep: at each round every running episode's prompt goes to the policy in one batch. A game that
// fails is data, not a crash, and so is a reply that never came; a policy that fails is a real fault.

import type { EnvironmentDefinition } from '@ludic/environments';
import { PolicyError } from '@ludic/inference';
import type { Policy } from '@ludic/policies';
import type { EnvironmentSpec } from './environment-spec.ts';
import { prepareEpisodes, RunningEpisode } from './running-episode.ts';
import type { EpisodeStart } from './starts.ts';
import type { Episode } from './trajectory.ts';

/** Who plays which episodes of which game. */
export interface PlayOptions extends EnvironmentSpec<string | EnvironmentDefinition> {
  readonly policy: Policy;
  /** One per episode: `groupStarts` or `evaluationStarts` make them. */
  readonly starts: readonly EpisodeStart[];
  /** Looked at between rounds, and by policies that wait for others. */
  readonly signal?: AbortSignal;
}

/**
 * Plays all episodes to their ends, in the order of `starts`.
 * @throws EnvironmentError, HistoryError for a spec that cannot be played; what the policy rejects with
 */
export async function playEpisodes({ policy, starts, signal, ...spec }: PlayOptions): Promise<Episode[]> {
  const prepared = prepareEpisodes(spec);
  const runs = starts.map((start) => new RunningEpisode(prepared, start));
  let open = runs.filter((run) => run.endReason === undefined);
  while (open.length > 0) {
    signal?.throwIfAborted();
    const prompts = open.flatMap((run) => run.prompt() ?? []);
    open = open.filter((run) => run.endReason === undefined);
    const replies = await policy.act(prompts, signal && { signal });
    if (replies.length !== prompts.length)
      throw new Error(`${policy.name} gave ${replies.length} replies to ${prompts.length} prompts`);
    for (const [i, run] of open.entries()) run.play(prompts[i]!.messages, replies[i]!);
    open = open.filter((run) => run.endReason === undefined);
  }
  return runs.map((run) => run.episode());
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
