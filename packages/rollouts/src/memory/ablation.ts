// Whether a policy uses its memory: the same games again, with the memory of another game in its place and with none. What
// it did with its own memory and cannot do without is what its memory is worth.

import type { HistoryStrategy, PastTurn } from '@ludic/history';
import { stream } from '@ludic/random';
import { type EvaluateOptions, type Evaluation, evaluate } from '../evaluate.ts';
import { type PairedDifference, pairedDifference } from '../paired.ts';
import type { Episode } from '../trajectory.ts';

/** Histories by which a policy's own turns decide what it is shown later. */
export const ABLATED_HISTORIES = ['SCRATCHPAD', 'FULL_HISTORY'] as const satisfies readonly HistoryStrategy[];

/** How the games went with another memory, and how far that is from how they went with their own. */
export interface AblatedEvaluation {
  readonly results: Evaluation;
  /** Of the ablated games less the intact ones: steps above 0 and success below 0 are what the memory is worth. */
  readonly difference: PairedDifference;
}

/** The evaluation of a policy with its own memory, with that of another game, and with none. */
export interface MemoryAblation {
  readonly intact: Evaluation;
  /**
   * At each turn the policy saw what it had seen of the past in another of the intact games at the same turn, or at the
   * end of that game. The notes are those that it writes, and only their tie to this game is cut.
   */
  readonly other: AblatedEvaluation;
  /** At each turn the policy saw nothing of the past, as at its first turn. */
  readonly blank: AblatedEvaluation;
}

/**
 * Plays an evaluation three times, on the same games and with the same random numbers. The other game is that `n` places on,
 * around the end, with one `n` that the seed draws: so each game lends its memory once.
 * Every rate is that of the evaluation, and a game that the step limit ended counts with all of its steps.
 * @param options as those of `evaluate`; `onProgress` hears of all three, `played` growing to three times `episodes`
 * @throws RangeError for a history without a memory of its own, and for fewer than two games; what `evaluate` throws
 */
export async function ablateMemory(options: Omit<EvaluateOptions, 'past'>): Promise<MemoryAblation> {
  const { history, episodes, seed, onProgress } = options;
  if (!ABLATED_HISTORIES.some((one) => one === history))
    throw new RangeError(`${history} has no memory to take away: evaluate with ${ABLATED_HISTORIES.join(' or ')}.`);
  if (episodes < 2) throw new RangeError('The memory of another game is needed: play at least two games.');
  const shift = 1 + stream(seed, 'ablation').nextInt(episodes - 1);
  let total = 0;
  const play = async (onGame: (episode: Episode) => void, past?: EvaluateOptions['past']) =>
    evaluate({
      ...options,
      past,
      onProgress: (_, fresh) => {
        fresh.forEach(onGame);
        total += fresh.length;
        return onProgress?.(total, fresh);
      },
    });
  const games: PlayedGame[] = [];
  const pasts: (readonly PastTurn[])[] = [];
  const intact = await play((episode) => {
    games.push(lineOf(episode));
    pasts.push(episode.turns.map(({ observation, reply }) => ({ observation, reply: reply.text })));
  });
  const ablated = async (past: NonNullable<EvaluateOptions['past']>): Promise<AblatedEvaluation> => {
    const own: PlayedGame[] = [];
    const results = await play((episode) => own.push(lineOf(episode)), past);
    return { results, difference: pairedDifference(own, games, seed) };
  };
  return {
    intact,
    other: await ablated((game, turn) => pasts[(game + shift) % episodes]!.slice(0, turn)),
    blank: await ablated(() => []),
  };
}

type PlayedGame = Pick<Episode, 'seed' | 'reward' | 'success'> & { readonly steps: number };

const lineOf = ({ seed, reward, success, turns }: Episode): PlayedGame => ({
  ...{ seed, reward, steps: turns.length },
  ...(success !== undefined && { success }),
});
