// The frames of a recorded episode, for drawing: its replies are played again in the real environment.

import { type Frame, replay } from '@ludic/rollouts';
import type { RecordedEpisode } from '@ludic/rollouts/internal';

/** What stood in the environment before each turn and after the last. */
export interface Shown {
  readonly frames: readonly Frame[];
  /** Why there are no more frames, where there are fewer than turns. */
  readonly error: string | undefined;
}

/** Plays the replies again. Frames end where the game no longer is the recorded one. */
export function framesOf({ game, episode }: Pick<RecordedEpisode, 'game' | 'episode'>): Shown {
  try {
    const replies = episode.turns.map(({ reply }) => reply.text);
    const { frames, error: failure } = replay({ ...game, start: episode, replies });
    const failed = episode.endReason === 'failed';
    const said = episode.turns.map(({ observation }) => observation);
    // A game that failed said nothing at its end.
    if (!failed) said.push(episode.finalObservation);
    const differs = said.findIndex((observation, i) => observation !== frames[i]?.observation);
    if (differs < 0) return { frames, error: failed ? episode.error : failure };
    const error =
      `Played again, the game is another one from step ${differs + 1} on, so it is not drawn there. ` +
      'It was played under other settings: choose them above, and open the file again.';
    return { frames: frames.slice(0, differs), error };
  } catch (error) {
    return { frames: [], error: (error as Error).message };
  }
}
