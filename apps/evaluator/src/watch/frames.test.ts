import { findEnvironment, resolveConfig } from '@ludic/environments';
import { scriptedPolicy } from '@ludic/policies';
import { type EnvironmentSpec, type Episode, episodeToJson, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { readEpisodes } from '@ludic/rollouts/internal';
import { trajectoryOf } from '@ludic/service/internal';
import { describe, expect, it } from 'vitest';
import { framesOf } from './frames.ts';

const TIC_TAC_TOE: EnvironmentSpec = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' };
const KEY_DOOR: EnvironmentSpec = {
  environment: 'key_door',
  config: { size: 3, max_steps: 9 },
  history: 'OPTIMAL_SCRATCHPAD',
};

async function played({ environment, config: raw, history }: EnvironmentSpec, count = 3): Promise<Episode[]> {
  const definition = findEnvironment(environment);
  const config = resolveConfig(definition, raw);
  const policy = scriptedPolicy('random', () => definition.experts.random(config));
  return playEpisodes({ environment: definition, config, history, policy, starts: evaluationStarts(1, count) });
}

describe('recorded episodes', () => {
  it('are read from lines as from one object, and drawn as they were played', async () => {
    for (const game of [TIC_TAC_TOE, KEY_DOOR]) {
      const episodes = await played(game);
      const named = { environment: game.environment, environmentConfig: game.config, history: game.history };
      const lines = episodes.map((episode) => JSON.stringify({ step: 11, ...named, ...episodeToJson(episode) }));
      const read = readEpisodes(`${lines.join('\n')}\n`, TIC_TAC_TOE);
      expect(read.map(({ title }) => title)).toEqual(['Step 11, game 1', 'Step 11, game 2', 'Step 11, game 3']);
      for (const [i, recorded] of read.entries()) {
        expect(recorded.game).toEqual(game);
        expect(recorded.episode.turns.map(({ reply }) => reply)).toEqual(episodes[i]!.turns.map(({ reply }) => reply));
        const { frames, error } = framesOf(recorded);
        expect(error).toBeUndefined();
        expect(frames.length).toBe(episodes[i]!.turns.length + 1);
      }
      expect(readEpisodes(lines[0]!, TIC_TAC_TOE)[0]!.game).toEqual(game);
      expect(readEpisodes(`[${lines.join()}]`, TIC_TAC_TOE).length).toBe(3);
    }
  });

  it('are read from what a server keeps of an evaluation, too', async () => {
    for (const game of [TIC_TAC_TOE, KEY_DOOR]) {
      const episodes = await played(game);
      const lines = episodes.map((episode, i) =>
        JSON.stringify({ episode: i, reward: episode.reward, trajectory: trajectoryOf(episode, i) }),
      );
      for (const [i, { title, episode, game: found }] of readEpisodes(lines.join('\n'), game).entries()) {
        expect({ title, episode, game: found }).toEqual({
          title: `Game ${i + 1}`,
          episode: asTold(episodes[i]!),
          game,
        });
        expect(framesOf({ episode, game })).toMatchObject({
          error: undefined,
          frames: { length: episode.turns.length + 1 },
        });
      }
    }
  });

  it('find their game by the rules that were told, where they do not name it', async () => {
    const [episode] = await played({ ...KEY_DOOR, config: {} }, 1);
    const [recorded] = readEpisodes(JSON.stringify(episodeToJson(episode!)), TIC_TAC_TOE);
    expect(recorded!.game.environment).toBe('key_door');
    expect(framesOf(recorded!).error).toBeUndefined();
  });

  it('are not drawn as another game: other settings or lost dice are told', async () => {
    const [first] = await played(KEY_DOOR, 1);
    const text = JSON.stringify(episodeToJson(first!));
    const [other] = readEpisodes(text, { ...KEY_DOOR, config: { size: 5 } });
    expect(framesOf(other!)).toEqual({ frames: [], error: expect.stringContaining('from step 1 on') });
    const [shorter] = readEpisodes(text, { ...KEY_DOOR, config: { size: 3, max_steps: 4 } });
    const { frames, error } = framesOf(shorter!);
    expect(frames.length).toBe(4);
    expect(error).toContain('from step 5 on');
    const [impossible] = readEpisodes(text, { ...KEY_DOOR, config: { size: -3 } });
    expect(framesOf(impossible!).error).toContain('size');
  });

  it('that failed are drawn up to there', async () => {
    const [episode] = await played(TIC_TAC_TOE, 1);
    const failed: Episode = { ...episode!, turns: episode!.turns.slice(0, 1), endReason: 'failed', error: 'No reply.' };
    const { frames, error } = framesOf({ game: TIC_TAC_TOE, episode: { ...failed, finalObservation: '' } });
    expect(frames.length).toBeGreaterThan(0);
    expect(error).toBe('No reply.');
  });
});

/** What is told of a turn is whether the game refused it, and nothing that the game hides. */
const asTold = (episode: Episode): Episode => ({
  ...episode,
  turns: episode.turns.map(({ info: { invalid }, situation: _, ...turn }) => ({ ...turn, info: { invalid } })),
});
