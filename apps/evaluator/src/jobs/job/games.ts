// Games as the server keeps them: whole episodes of a training, trajectories of an evaluation. Both become one shape.

import { asEpisode } from '@ludic/rollouts/internal';
import type { GameLine } from '../../engine/protocol.ts';

/** One turn of a game, as the transcript shows it. */
export interface SampledTurn {
  /** The last message that the policy saw. */
  readonly seen: string;
  readonly reply: string;
  readonly reward: number;
  readonly isInvalid: boolean;
  readonly isCutOff: boolean;
}

/** One game of a job, whatever kind of job it was. */
export interface SampledGame {
  readonly title: string;
  readonly reward: number;
  readonly outcome: string;
  /** The rules, as the policy was told them. */
  readonly rules: string | undefined;
  readonly turns: readonly SampledTurn[];
  readonly end: string;
}

type JsonLine = Readonly<Record<string, unknown>>;

/** Lines that are no games are left out. */
export const gamesOf = (lines: readonly JsonLine[]): SampledGame[] =>
  lines.flatMap((line) => {
    const title = line.step === undefined ? `Game ${Number(line.episode) + 1}` : `Update ${text(line.step)}`;
    const episode = asEpisode(line) as JsonLine;
    return Array.isArray(episode.turns) ? [sampled(title, episode)] : [];
  });

/** As much of the games of an evaluation as a comparison rests on; without those that lack it. */
export const gameLinesOf = (lines: readonly JsonLine[]): Pick<GameLine, 'seed' | 'reward' | 'success' | 'steps'>[] =>
  lines.flatMap((line) => {
    const { seed, reward, success, turns } = asEpisode(line) as JsonLine;
    const isGame = typeof seed === 'number' && typeof reward === 'number' && Array.isArray(turns);
    return isGame ? [{ seed, reward, steps: turns.length, ...(typeof success === 'boolean' && { success }) }] : [];
  });

/** Takes what is there: a line that lacks fields is shown with gaps. */
function sampled(title: string, line: JsonLine): SampledGame {
  const turns = line.turns as readonly JsonLine[];
  const reasons: Readonly<Record<string, string>> = {
    truncated: 'stopped at the step limit',
    context_full: 'stopped where the context was full',
    failed: 'failed',
  };
  const end = text(line.finalObservation) || text(line.error);
  return {
    title,
    reward: Number(line.reward),
    outcome: text(line.outcome) || (reasons[text(line.endReason)] ?? 'ended'),
    rules: rulesOf(turns[0]?.prompt),
    turns: turns.map(({ prompt, observation, reply, reward, info }) => ({
      seen: lastOf(prompt) ?? text(observation),
      reply: text((reply as JsonLine)?.text),
      reward: Number(reward),
      isInvalid: (info as JsonLine)?.invalid === true,
      isCutOff: (reply as JsonLine)?.finish === 'length',
    })),
    end,
  };
}

const text = (value: unknown) => (value === undefined || value === null ? '' : String(value));
const messages = (prompt: unknown) => (Array.isArray(prompt) ? (prompt as readonly JsonLine[]) : []);
const rulesOf = (prompt: unknown) =>
  messages(prompt).find(({ role }) => role === 'system')?.content as string | undefined;
const lastOf = (prompt: unknown) =>
  messages(prompt).findLast(({ role }) => role === 'user')?.content as string | undefined;
