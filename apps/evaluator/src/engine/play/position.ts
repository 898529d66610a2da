// A game that is played move by move, replayed in the real environment whenever its state is needed.

import { type Replay, replay } from '@ludic/rollouts';
import type { Hint, Position } from '../protocol.ts';

/** @throws EnvironmentError for a game or settings that do not exist */
export const replayPosition = ({ game, seed, dynamicsSeed, ...moves }: Position): Replay =>
  replay({ ...game, start: { seed, dynamicsSeed }, ...moves });

/** The replies that the game would accept now, as it says itself. */
export function legalReplies(position: Position, candidates: readonly string[]): string[] {
  return candidates.filter((reply) => {
    const { frames, awaiting, error } = replayPosition({ ...position, replies: [...position.replies, reply] });
    return awaiting !== undefined || (error === undefined && frames.at(-1)!.info?.invalid === false);
  });
}

/** @param logprobs of replies, in nats */
export function normalised(logprobs: readonly number[]): Pick<Hint, 'chances' | 'together'> {
  const most = logprobs.reduce((high, logprob) => Math.max(high, logprob), Number.NEGATIVE_INFINITY);
  // Nothing is likelier than nothing.
  if (most === Number.NEGATIVE_INFINITY) return { chances: logprobs.map(() => 0), together: 0 };
  const weights = logprobs.map((logprob) => Math.exp(logprob - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { chances: weights.map((weight) => weight / total), together: Math.min(1, total * Math.exp(most)) };
}
