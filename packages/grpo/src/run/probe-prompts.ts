// What the prompts of a run will be like, found out without a model: a few games played at random.

import type { PromptEncoder } from '@ludic/inference/internal';
import type { Tokenizer } from '@ludic/models';
import { sharedPrefixLength } from '@ludic/models/internal';
import { scriptedPolicy } from '@ludic/policies';
import { type Episode, groupStarts, playEpisodes } from '@ludic/rollouts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { specOf } from '../trainer/played-spec.ts';
import type { PromptShape } from './memory.ts';

const GAMES = 8;

export async function probePrompts(settings: TrainSettings, encoder: PromptEncoder): Promise<PromptShape> {
  const episodes = await randomGames(settings);
  const prompts = episodes.flatMap(({ turns }) => turns.map(({ prompt }) => encoder.encode(prompt)));
  return {
    longest: prompts.reduce((most, { length }) => Math.max(most, length), 0),
    shared: sharedPrefixLength(prompts, Number.POSITIVE_INFINITY),
    turns: episodes.reduce((most, { turns }) => Math.max(most, turns.length), 1),
  };
}

/** Tokens of the shortest reply in the format of the game; 0 where no game can be played. */
export async function shortestReply(settings: TrainSettings, tokenizer: Tokenizer): Promise<number> {
  const episodes = await randomGames(settings);
  const replies = new Set(episodes.flatMap(({ turns }) => turns.map(({ reply }) => reply.text)));
  const shortest = [...replies].reduce(
    (least, reply) => Math.min(least, tokenizer.encode(reply).length),
    Number.POSITIVE_INFINITY,
  );
  return Number.isFinite(shortest) ? shortest : 0;
}

/** A few games of the run, played by the random player. */
export function randomGames(settings: TrainSettings): Promise<readonly Episode[]> {
  const spec = specOf(settings);
  const policy = scriptedPolicy('probe', () => spec.environment.experts.random(spec.config));
  const starts = groupStarts({ seed: settings.seed, step: 0, groups: GAMES, groupSize: 1 });
  return playEpisodes({ ...spec, policy, starts });
}
