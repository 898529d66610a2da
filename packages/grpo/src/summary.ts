// A batch of episodes in numbers: how the games went and what the replies were like.

import { type Episode, SUCCESS_REWARD } from '@ludic/rollouts';

export interface BatchSummary {
  readonly episodes: number;
  /** Mean total reward. */
  readonly reward: number;
  readonly successRate: number;
  /** Of episodes, in two-player games. */
  readonly winRate?: number;
  readonly drawRate?: number;
  readonly lossRate?: number;
  /** Mean turns of an episode. */
  readonly turns: number;
  /** Share of replies that the game refused. */
  readonly invalidRate: number;
  /** Shares of episodes: ended by the step limit, outgrew the context, or could not be scored. */
  readonly truncationRate: number;
  readonly contextFullRate: number;
  readonly failureRate: number;
  /** Why the first of those that could not be scored failed. */
  readonly firstFailure?: string;
  /** Share of replies cut off at the token limit. */
  readonly cutOffRate: number;
  /** Mean entropy in nats of the distributions that tokens were drawn from. */
  readonly entropy: number;
  /** Tokens of prompts and replies that the policy was given and gave. */
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export function batchSummary(episodes: readonly Episode[]): BatchSummary {
  const share = (count: number, of: number) => count / Math.max(1, of);
  const count = (test: (episode: Episode) => boolean) => share(episodes.filter(test).length, episodes.length);
  const turns = episodes.flatMap((episode) => episode.turns);
  const outcomes = episodes.some((episode) => episode.outcome);
  const firstFailure = episodes.find((episode) => episode.endReason === 'failed')?.error;
  let entropy = 0;
  let promptTokens = 0;
  let completionTokens = 0;
  for (const { reply } of turns) {
    if (!reply.tokens) continue;
    promptTokens += reply.tokens.prompt.length;
    completionTokens += reply.tokens.completion.length;
    for (const value of reply.tokens.entropies) entropy += value;
  }
  return {
    episodes: episodes.length,
    reward: share(
      episodes.reduce((sum, episode) => sum + episode.reward, 0),
      episodes.length,
    ),
    successRate: count((episode) => episode.reward > SUCCESS_REWARD),
    ...(outcomes && {
      winRate: count((episode) => episode.outcome === 'win'),
      drawRate: count((episode) => episode.outcome === 'draw'),
      lossRate: count((episode) => episode.outcome === 'loss'),
    }),
    turns: share(turns.length, episodes.length),
    invalidRate: share(turns.filter((turn) => turn.info.invalid).length, turns.length),
    truncationRate: count((episode) => episode.endReason === 'truncated'),
    contextFullRate: count((episode) => episode.endReason === 'context_full'),
    failureRate: count((episode) => episode.endReason === 'failed'),
    ...(firstFailure !== undefined && { firstFailure }),
    cutOffRate: share(turns.filter((turn) => turn.reply.finish === 'length').length, turns.length),
    entropy: share(entropy, completionTokens),
    promptTokens,
    completionTokens,
  };
}
