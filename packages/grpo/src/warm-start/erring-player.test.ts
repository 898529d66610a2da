import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { scriptedPolicy } from '@ludic/policies';
import { groupStarts, playEpisodes } from '@ludic/rollouts';
import { expect, it } from 'vitest';
import { erringPlayer } from './erring-player.ts';

async function playWithMistakes(environment: string, games: number) {
  const definition: EnvironmentDefinition = findEnvironment(environment);
  const config = resolveConfig(definition, {});
  const player = scriptedPolicy('random', () => definition.experts.random(config));
  const { policy, isMistake } = erringPlayer(player, 0.3);
  const starts = groupStarts({ seed: 1, step: 1, groups: games, groupSize: 1 });
  return {
    isMistake,
    episodes: await playEpisodes({ environment: definition, config, history: 'NO_HISTORY', policy, starts }),
  };
}

it('errs at its share of the later turns, is heard about each mistake, and plays faultlessly between', async () => {
  const { episodes, isMistake } = await playWithMistakes('tic_tac_toe', 200);
  const later = episodes.flatMap(({ turns }) => turns.slice(1));
  const wrong = later.filter(({ reply }) => isMistake(reply));
  expect(wrong.length / later.length).toBeCloseTo(0.3, 1);
  // A cut reply is no move; a repeated one takes a cell twice.
  expect(wrong.every(({ info }) => info.invalid)).toBe(true);
  const heard = new Set<string>();
  for (const { turns } of episodes)
    for (const [i, { reply, info }] of turns.entries()) {
      if (!isMistake(reply)) expect(info.invalid).toBe(false);
      else if (turns[i + 1]) heard.add(turns[i + 1]!.observation.split('\n')[0]!);
    }
  expect(heard.size).toBeGreaterThanOrEqual(2);
});

it('errs where a game reads moves without their end, and where the move before is legal again', async () => {
  const { episodes, isMistake } = await playWithMistakes('key_door', 40);
  const wrong = episodes.flatMap(({ turns }) => turns).filter(({ reply }) => isMistake(reply));
  const refused = wrong.filter(({ info }) => info.invalid);
  expect(wrong.length).toBeGreaterThan(300);
  expect(refused.length / wrong.length).toBeGreaterThan(0.2);
});

it('says what the player says where it never errs', async () => {
  const definition: EnvironmentDefinition = findEnvironment('tic_tac_toe');
  const config = resolveConfig(definition, {});
  const player = scriptedPolicy('expert', () => definition.experts.expert(config));
  const starts = groupStarts({ seed: 1, step: 1, groups: 20, groupSize: 1 });
  const table = { environment: definition, config, history: 'FULL_HISTORY', starts } as const;
  const never = erringPlayer(player, 0).policy;
  expect(await playEpisodes({ ...table, policy: never })).toEqual(await playEpisodes({ ...table, policy: player }));
});
