// What the prompts of a run will be like, found out without a model: a few games played at random.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { sharedPrefixLength } from '@ludic/models';
import { type PromptEncoder, scriptedPolicy } from '@ludic/policies';
import { groupStarts, playEpisodes } from '@ludic/rollouts';
import type { PromptShape } from './memory.ts';
import type { TrainSettings } from './train-settings.ts';

const GAMES = 8;

export async function rehearse(
  { environment, environmentConfig, history, seed }: TrainSettings,
  encoder: PromptEncoder,
): Promise<PromptShape> {
  const definition: EnvironmentDefinition = findEnvironment(environment);
  const config = resolveConfig(definition, environmentConfig);
  const policy = scriptedPolicy('rehearsal', () => definition.experts.random(config));
  const starts = groupStarts({ seed, step: 0, groups: GAMES, groupSize: 1 });
  const episodes = await playEpisodes({ definition, config, history, policy, starts });
  const prompts = episodes.flatMap(({ turns }) => turns.map(({ prompt }) => encoder.encode(prompt)));
  return {
    longest: prompts.reduce((most, { length }) => Math.max(most, length), 0),
    shared: sharedPrefixLength(prompts, Number.POSITIVE_INFINITY),
    turns: episodes.reduce((most, { turns }) => Math.max(most, turns.length), 1),
  };
}
