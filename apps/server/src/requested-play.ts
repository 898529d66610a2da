// What evaluations and rollouts play, the same whether they are answered at once or as a job.

import type { Episode } from '@ludic/rollouts';
import type { EvaluatePolicy, GenerateRollout } from '@ludic/service';
import { type CompletePlaying, playedGame, trajectoryOf } from '@ludic/service/internal';

/** The environment and the sampling of a request, by the names of the packages. */
export function requestedPlay(request: CompletePlaying<EvaluatePolicy | GenerateRollout>) {
  const { temperature, top_k: topK, top_p: topP, max_tokens: maxCompletionLength } = request.sampling_params;
  return {
    environment: request.env_type,
    config: playedGame(request),
    history: request.history_strategy,
    sampling: { temperature, topK, topP, maxCompletionLength },
  };
}

/** A game of an evaluation as clients get it. @param i its place among all games */
export const evaluatedGame = (episode: Episode, i: number) => ({
  episode: i,
  reward: episode.reward,
  steps: episode.turns.length,
  trajectory: trajectoryOf(episode, i),
});
