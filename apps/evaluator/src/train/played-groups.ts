// The stored games of a step as a page shows them: groups side by side, and any game as an episode to watch.

import { type EnvironmentSpec, replay } from '@ludic/rollouts';
import { type RecordedEpisode, replayRecord } from '@ludic/rollouts/internal';
import type { StoredGame } from '../engine/runs/stored-games.ts';

/** Episodes that began alike. */
export interface PlayedGroup {
  /** What they all saw first. */
  readonly observation: string;
  readonly members: readonly StoredGame[];
}

/** Groups in the order in which the step played them. */
export function groupsOf(games: readonly StoredGame[], game: EnvironmentSpec): readonly PlayedGroup[] {
  const groups = new Map<number, StoredGame[]>();
  for (const one of games) {
    const members = groups.get(one.group);
    if (members) members.push(one);
    else groups.set(one.group, [one]);
  }
  return [...groups.values()].map((members) => ({ observation: firstSeen(members[0]!, game), members }));
}

/** The first observation, from a replay without replies. */
function firstSeen({ seed, dynamicsSeed }: StoredGame, game: EnvironmentSpec): string {
  const { frames } = replay({ ...game, start: { seed, dynamicsSeed }, replies: [] });
  return frames[0]?.observation ?? '';
}

/** How it ended, in a word. */
export const endOf = ({ outcome, endReason }: StoredGame): string =>
  outcome ?? (endReason === 'terminated' ? 'ended' : endReason.replace('_', ' '));

/** @throws RecordError where the game, played again, is another one */
export const recordedOf = (games: readonly StoredGame[], game: EnvironmentSpec): readonly RecordedEpisode[] =>
  games.map((one, i) => ({ title: `Step ${one.step}, game ${i + 1}`, game, episode: replayRecord(one, game) }));
