// An episode played again from its replies in the real environment: what stood there before each of them, for drawing
// and for playing on.

import type { EnvironmentDefinition, StepInfo } from '@ludic/environments';
import type { GamePrompt } from '@ludic/policies';
import type { EnvironmentSpec } from './environment-spec.ts';
import { prepareEpisodes, RunningEpisode } from './play/running-episode.ts';
import type { EpisodeStart } from './starts.ts';
import type { EndReason, Turn } from './trajectory.ts';

/** An episode to play again: the game, the two seeds of its `Episode`, and what was replied. */
export interface ReplayOptions extends EnvironmentSpec<string | EnvironmentDefinition> {
  readonly start: Pick<EpisodeStart, 'seed' | 'dynamicsSeed'> & Partial<EpisodeStart>;
  /** In order; those after the end are not looked at. */
  readonly replies: readonly string[];
  /** The replies of the other side in games of two, in order, where a person or a policy plays it: see `ResetOptions`. */
  readonly opponent?: readonly string[];
}

/** A moment of the game, before a reply or after the last. */
export interface Frame {
  /** The environment's. */
  readonly state: unknown;
  readonly observation: string;
  /** What a perfect player would remember. */
  readonly memory: string;
  /** What the reply that led here earned, and what was said of it; undefined at the beginning. */
  readonly reward: number | undefined;
  readonly info: StepInfo | undefined;
}

/** A game as far as its replies lead: what was there at each moment, and what is to come next. */
export interface Replay {
  /** One more than the replies that were played. None where the other side has yet to begin. */
  readonly frames: readonly Frame[];
  /** What was asked and answered, and what came of it. */
  readonly turns: readonly Turn[];
  /** Undefined while the game goes on. */
  readonly endReason: EndReason | undefined;
  /** Why the game failed, where it did. */
  readonly error: string | undefined;
  /** The other side is to move: the state as its player sees it. The last reply is not in `frames` yet. */
  readonly awaiting: { readonly state: unknown } | undefined;
  /** What the policy is asked next; undefined where it is not its turn. */
  readonly prompt: GamePrompt | undefined;
}

const ANSWERS_LATER = 'The game answers later, so it cannot be played again at once.';

/** Pure: the same options give the same replay. A game that answers later is not replayed: it has failed then. */
export function replay({ start, replies, opponent, ...spec }: ReplayOptions): Replay {
  let answered = 0;
  let awaiting: { readonly state: unknown } | undefined;
  const answer = (state: unknown): string => {
    const reply = opponent![answered++];
    if (reply !== undefined) return reply;
    awaiting = { state };
    throw new Error('The other side has not moved yet.');
  };
  const run = new RunningEpisode(
    prepareEpisodes(spec),
    { policyPath: ['replay'], ...start },
    { opponent: opponent && answer },
  );
  let isLater = run.begin() !== undefined;
  const frames: Frame[] = [];
  const note = () => {
    const now = run.look();
    if (!now) return;
    const { reward, info } = run.turns.at(-1) ?? {};
    frames.push({ ...now, observation: run.observation, reward, info });
  };
  if (!isLater) note();
  for (const text of replies) {
    if (run.endReason !== undefined || isLater) break;
    const prompt = run.prompt();
    if (prompt) isLater = run.play(prompt.messages, { text, finish: 'stop' }) !== undefined;
    note();
  }
  run.close();
  if (isLater) {
    const { turns } = run;
    return { frames, turns, endReason: 'failed', error: ANSWERS_LATER, awaiting: undefined, prompt: undefined };
  }
  const waits = awaiting !== undefined;
  return {
    frames,
    turns: run.turns,
    endReason: waits ? undefined : run.endReason,
    error: waits ? undefined : run.error,
    awaiting,
    prompt: run.endReason === undefined ? run.prompt() : undefined,
  };
}
