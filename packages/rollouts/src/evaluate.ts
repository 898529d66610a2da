// How good a policy is at a game: fixed episodes, rates and means with intervals.

import { notesMetrics } from './memory/note-measures.ts';
import { watchNotes } from './memory/note-taking.ts';
import type { NotesMetrics } from './memory/notes-metrics.ts';
import { type EVALUATION_METRICS, gameMetrics, type Measured, type MeasuredByGame } from './metrics.ts';
import { assertRoom, type PlayOptions, playPrepared } from './play/play.ts';
import { prepareEpisodes } from './play/running-episode.ts';
import { evaluationStarts } from './starts.ts';
import { bootstrapInterval, wilsonInterval } from './statistics.ts';
import { type Episode, isSuccess } from './trajectory.ts';

/** A game, a policy, and which fixed games they are judged by. */
export interface EvaluateOptions extends Omit<PlayOptions, 'starts'> {
  /** Number of games. */
  readonly episodes: number;
  /** Names openings, dice and the policy's streams: the same seed plays the same games. */
  readonly seed: number;
  /** Episodes in lockstep; changes the speed and nothing else. */
  readonly batchSize?: number;
  /**
   * What it returns is awaited before the next games are played.
   * @param fresh the episodes since the last call
   */
  readonly onProgress?: (played: number, fresh: readonly Episode[]) => unknown;
}

/**
 * Rates (0 to 1) and means over the games of an evaluation; keys that end in `_ci95` are 95 % intervals `[low, high]`.
 * Keys are snake-case, as files and the service have them. Those of `NOTES_METRICS` and `NOTES_METRICS_OF_KIND` are there
 * where the policy keeps a scratchpad and the game says what it hides; `game_NAME` where the game measures something itself.
 * Source: Wilson (1927) for intervals of rates; `bootstrapInterval` for the mean reward.
 */
export type Evaluation = Measured<typeof EVALUATION_METRICS> & NotesMetrics & MeasuredByGame;

const BATCH = 1000;

/**
 * Plays fixed episodes and sums them up. Episode n is the same however many are played.
 * @throws EnvironmentError, HistoryError for a game that cannot be played; PolicyError `prompt_too_long` where no game
 * had room for a reply; what the policy rejects with; the signal's reason
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { episodes, seed, batchSize = BATCH, onProgress, signal, past, givenNotes, lockstep, ...spec } = options;
  const prepared = prepareEpisodes(spec);
  // The notes of a policy that is shown others are no measure of it.
  const notes = prepared.history === 'SCRATCHPAD' && !past && !givenNotes ? watchNotes(spec.policy) : undefined;
  const policy = notes?.policy ?? spec.policy;
  const all: Episode[] = [];
  while (all.length < episodes) {
    const first = all.length;
    const starts = evaluationStarts(seed, Math.min(batchSize, episodes - first), first);
    const fresh = await playPrepared(prepared, {
      ...{ policy, starts, signal, givenNotes, ...(lockstep !== undefined && { lockstep }) },
      past: past && ((game, turn) => past(first + game, turn)),
    });
    if (all.length === 0) assertRoom(fresh);
    all.push(...fresh.map(withoutTexts));
    await onProgress?.(all.length, fresh);
  }
  return { ...summarize(all, seed), ...(notes && notesMetrics([...notes.games], seed)) };
}

/** What the numbers rest on: a hundred thousand games are kept until they are counted. */
const withoutTexts = (episode: Episode): Episode => ({
  ...episode,
  turns: episode.turns.map((turn) => ({ ...turn, prompt: [], reply: { text: '', finish: turn.reply.finish } })),
});

/** @param seed names the stream of the bootstrap */
export function summarize(episodes: readonly Episode[], seed: number): Evaluation {
  const hits = (test: (episode: Episode) => boolean) => episodes.filter(test).length;
  const interval = (test: (episode: Episode) => boolean) => wilsonInterval(hits(test), episodes.length);
  const isInvalid = (episode: Episode) => episode.turns.some((turn) => turn.info.invalid);
  const metrics = gameMetrics(episodes);
  return {
    total_episodes: episodes.length,
    ...metrics,
    mean_reward_ci95: bootstrapInterval(
      episodes.map((episode) => episode.reward),
      seed,
    ),
    success_ci95: interval(isSuccess),
    ...(metrics.win_rate !== undefined && {
      win_ci95: interval((episode) => episode.outcome === 'win'),
      draw_ci95: interval((episode) => episode.outcome === 'draw'),
      loss_ci95: interval((episode) => episode.outcome === 'loss'),
    }),
    invalid_episode_rate: hits(isInvalid) / Math.max(1, episodes.length),
    invalid_episode_ci95: interval(isInvalid),
  };
}
