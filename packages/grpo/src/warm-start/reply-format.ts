// Whether a model knows the format of a game's replies: it is asked at the beginnings of a few games, and a random player
// goes on from there, so that the games get anywhere whatever the model says.

import type { Expert } from '@ludic/environments';
import type { LanguageModel } from '@ludic/inference';
import { type Policy, scriptedPolicy } from '@ludic/policies';
import { groupStarts, playEpisodes } from '@ludic/rollouts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { policyOf, specOf } from '../trainer/played-spec.ts';

export interface ReplyFormat {
  /** How many were asked for. */
  readonly replies: number;
  /** Shares of them. */
  readonly invalid_rate: number;
  readonly cut_off_rate: number;
}

const GAMES = 48;
/** Turns of each game, counted from 0, at which the model answers. */
const ASKED_TURNS: readonly number[] = [0, 2, 5];
/** Nearly all: a model that gets one reply in ten right learns the rest by itself. */
const UNKNOWN = 0.9;

export const needsWarmStart = ({ invalid_rate }: ReplyFormat): boolean => invalid_rate >= UNKNOWN;

/** Asks a model at the turns of games under the settings of a run; nothing is learned. */
export async function measureReplyFormat(
  model: LanguageModel,
  settings: TrainSettings,
  signal?: AbortSignal,
): Promise<ReplyFormat> {
  const spec = specOf(settings);
  const own = policyOf(model, settings, spec, settings.temperature);
  const policy = asked(own, () => spec.environment.experts.random(spec.config));
  try {
    const starts = groupStarts({ seed: settings.seed, step: 0, groups: GAMES, groupSize: 1 });
    const episodes = await playEpisodes({ ...spec, policy, starts, signal });
    const turns = episodes.flatMap((episode) => ASKED_TURNS.flatMap((turn) => episode.turns[turn] ?? []));
    const share = (count: number) => count / Math.max(1, turns.length);
    return {
      replies: turns.length,
      invalid_rate: share(turns.filter(({ info }) => info.invalid).length),
      cut_off_rate: share(turns.filter(({ reply }) => reply.finish === 'length').length),
    };
  } finally {
    own.dispose();
  }
}

/** The model at some turns of each game, and a player at the others. */
function asked(model: Policy, makePlayer: () => Expert): Policy {
  const player = scriptedPolicy('random', makePlayer);
  const turns = new WeakMap<object, number>();
  return {
    ...player,
    async act(prompts, options) {
      const isAsked = prompts.map(({ episode }) => {
        const turn = turns.get(episode) ?? 0;
        turns.set(episode, turn + 1);
        return ASKED_TURNS.includes(turn);
      });
      const part = (side: boolean) => prompts.filter((_, i) => isAsked[i] === side);
      const fromModel = part(true).length > 0 ? await model.act(part(true), options) : [];
      const fromPlayer = await player.act(part(false), options);
      const next = { model: 0, player: 0 };
      return isAsked.map((side) => (side ? fromModel[next.model++]! : fromPlayer[next.player++]!));
    },
  };
}
