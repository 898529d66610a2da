// How good a policy is at a game: fixed episodes, rates and means with intervals.

import { assertRoom, playEpisodes, type Table } from './play.ts';
import { evaluationStarts } from './starts.ts';
import { average, bootstrapInterval, type Interval, wilsonInterval } from './statistics.ts';
import { type Episode, SUCCESS_REWARD } from './trajectory.ts';

export interface EvaluateOptions extends Table {
  readonly episodes: number;
  readonly seed: number;
  /** Episodes in lockstep; changes the speed and nothing else. */
  readonly batchSize?: number;
  /** @param fresh the episodes since the last call */
  readonly onProgress?: (played: number, fresh: readonly Episode[]) => void;
  readonly signal?: AbortSignal;
}

export interface Rate {
  readonly rate: number;
  /** Wilson, 95 %. */
  readonly interval: Interval;
}

export interface Evaluation {
  readonly episodes: number;
  /** Share of episodes with a total reward above 0.5. */
  readonly success: Rate;
  readonly meanReward: number;
  /** Bootstrap, 95 %. */
  readonly meanRewardInterval: Interval;
  readonly meanSteps: number;
  /** Share of replies that the game refused. */
  readonly invalidRate: number;
  /** Share of episodes with at least one such reply. */
  readonly invalidEpisodes: Rate;
  /** In two-player games. */
  readonly outcomes?: { readonly win: Rate; readonly draw: Rate; readonly loss: Rate };
  /** Shares of episodes that the step limit ended, that outgrew the context, and that could not be scored. */
  readonly truncationRate: number;
  readonly contextFullRate: number;
  readonly failureRate: number;
  /** Why the first of those that could not be scored failed. */
  readonly firstFailure?: string;
  /** Share of replies cut off at the token limit. */
  readonly cutOffRate: number;
}

const BATCH = 1000;

export async function evaluate({
  episodes,
  seed,
  batchSize = BATCH,
  onProgress,
  signal,
  ...table
}: EvaluateOptions): Promise<Evaluation> {
  const all: Episode[] = [];
  while (all.length < episodes) {
    const starts = evaluationStarts(seed, Math.min(batchSize, episodes - all.length), all.length);
    const fresh = await playEpisodes({ ...table, starts, ...(signal && { signal }) });
    if (all.length === 0) assertRoom(fresh);
    all.push(...fresh);
    onProgress?.(all.length, fresh);
  }
  return summarize(all, seed);
}

/** @param seed names the stream of the bootstrap */
export function summarize(episodes: readonly Episode[], seed: number): Evaluation {
  const count = (test: (episode: Episode) => boolean) => episodes.filter(test).length;
  const rate = (test: (episode: Episode) => boolean): Rate => {
    const hits = count(test);
    return { rate: hits / Math.max(1, episodes.length), interval: wilsonInterval(hits, episodes.length) };
  };
  const rewards = episodes.map((episode) => episode.reward);
  const replies = episodes.reduce((sum, episode) => sum + episode.turns.length, 0);
  const shareOfReplies = (test: (turn: Episode['turns'][number]) => boolean) =>
    episodes.reduce((sum, episode) => sum + episode.turns.filter(test).length, 0) / Math.max(1, replies);
  const twoPlayers = episodes.some((episode) => episode.outcome);
  const firstFailure = episodes.find((episode) => episode.endReason === 'failed')?.error;
  return {
    episodes: episodes.length,
    success: rate((episode) => episode.reward > SUCCESS_REWARD),
    meanReward: average(rewards),
    meanRewardInterval: bootstrapInterval(rewards, seed),
    meanSteps: replies / Math.max(1, episodes.length),
    invalidRate: shareOfReplies((turn) => turn.info.invalid),
    invalidEpisodes: rate((episode) => episode.turns.some((turn) => turn.info.invalid)),
    ...(twoPlayers && {
      outcomes: {
        win: rate((episode) => episode.outcome === 'win'),
        draw: rate((episode) => episode.outcome === 'draw'),
        loss: rate((episode) => episode.outcome === 'loss'),
      },
    }),
    truncationRate: rate((episode) => episode.endReason === 'truncated').rate,
    contextFullRate: rate((episode) => episode.endReason === 'context_full').rate,
    failureRate: rate((episode) => episode.endReason === 'failed').rate,
    ...(firstFailure !== undefined && { firstFailure }),
    cutOffRate: shareOfReplies((turn) => turn.reply.finish === 'length'),
  };
}
