import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { StepMetrics } from '@ludic/grpo';
import { scriptedPolicy } from '@ludic/policies';
import { type EnvironmentSpec, type Episode, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { RecordError, readEpisodes } from '@ludic/rollouts/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupsOf, recordedOf } from '../../train/played-groups.ts';
import { framesOf } from '../../watch/frames.ts';
import { readGames, storedGames, thinnedGames } from './stored-games.ts';

const GAMES: readonly EnvironmentSpec[] = [
  { environment: 'tic_tac_toe', config: { opponent: 'random' }, history: 'NO_HISTORY' },
  { environment: 'key_door', config: { size: 3, max_steps: 9 }, history: 'OPTIMAL_SCRATCHPAD' },
];

async function played({ environment, config: raw, history }: EnvironmentSpec, count: number): Promise<Episode[]> {
  const definition = findEnvironment(environment);
  const config = resolveConfig(definition, raw);
  const policy = scriptedPolicy('random', () => definition.experts.random(config));
  return playEpisodes({ environment: definition, config, history, policy, starts: evaluationStarts(1, count) });
}

const reportOf = (step: number, episodes: readonly Episode[]) => ({
  metrics: { step } as StepMetrics,
  episodes,
  advantages: episodes.map(({ turns }) => Float64Array.from(turns, (_, t) => t / 3 - 0.5)),
});
const linesOf = (games: readonly object[]) => games.map((game) => `${JSON.stringify(game)}\n`).join('');

describe('the games that a run keeps', () => {
  it('are played again from seeds and replies to what they were, prompts and all', async () => {
    for (const game of GAMES) {
      const episodes = await played(game, 12);
      const { steps, games } = readGames(linesOf(storedGames(reportOf(7, episodes), 4)));
      expect(steps).toEqual([7]);
      expect(games.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
      expect(games[0]!.advantages[1]).toBeCloseTo(1 / 3 - 0.5, 5);
      const groups = groupsOf(games, game);
      expect(groups.map(({ observation }) => observation)).toEqual(
        [0, 4, 8].map((i) => episodes[i]!.turns[0]!.observation),
      );
      // Policies of scripts say what they know of a reply; text and finish are what is stored.
      const bare = (episode: Episode) => ({
        ...episode,
        turns: episode.turns.map(({ reply: { text, finish }, ...turn }) => ({ ...turn, reply: { text, finish } })),
      });
      const recorded = recordedOf(games, game);
      expect(recorded.map(({ episode }) => episode)).toEqual(episodes.map(bare));
      expect(framesOf(recorded[0]!)).toMatchObject({ error: undefined });
      // So is the file, opened in the Watch view.
      expect(readEpisodes(linesOf(games), game).map(({ episode: { turns } }) => turns.length)).toEqual(
        episodes.map(({ turns }) => turns.length),
      );
    }
  });

  it('are refused where the settings are others, and not drawn as another game', async () => {
    const [, keyDoor] = GAMES;
    const games = storedGames(reportOf(1, await played(keyDoor!, 4)), 4);
    const other = { ...keyDoor!, config: { size: 5, max_steps: 2 } };
    expect(() => recordedOf(games, other)).toThrow(RecordError);
    expect(() => readEpisodes(linesOf(games), other)).toThrow('choose the settings that it was played under');
  });

  it('take little room, however long the replies are', async () => {
    const [episode] = await played(GAMES[0]!, 1);
    const turn = episode!.turns[0]!;
    const long = { ...episode!, turns: [{ ...turn, reply: { text: 'x'.repeat(3000), finish: 'stop' as const } }] };
    const stored = storedGames(
      reportOf(
        1,
        Array.from({ length: 512 }, () => long),
      ),
      64,
    );
    expect(stored.length).toBeGreaterThan(10);
    expect(linesOf(stored).length).toBeLessThan(2 ** 17);
    const many = storedGames(
      reportOf(
        1,
        Array.from({ length: 512 }, () => ({ ...episode!, turns: [] })),
      ),
      64,
    );
    expect(many.length).toBe(4 * 32);
  });

  it('are thinned out between the first and the newest, and cut lines are left out', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(999), { minLength: 4, maxLength: 60 }), (numbers) => {
        const steps = numbers.sort((a, b) => a - b);
        const text = steps
          .map((step) =>
            `{"step":${step},"seed":0,"dynamicsSeed":0,"reward":0,"endReason":"truncated","turns":[],"advantages":[]}\n`.repeat(
              2,
            ),
          )
          .join('');
        const thin = thinnedGames(`${text}{"step":1000,"tur`);
        const left = readGames(thin).steps;
        expect(left[0]).toBe(steps[0]);
        expect(left).toEqual(steps.filter((step) => left.includes(step)));
        const newest = steps.slice(Math.ceil(0.75 * steps.length));
        expect(left.slice(left.length - newest.length)).toEqual(newest);
        expect(thin.length).toBeLessThan(0.9 * text.length);
        for (const step of left) expect(readGames(thin, step).games.length).toBe(2);
      }),
    );
  });

  it('are those of the newest step up to the one that is asked for', () => {
    const text = [1, 3, 9]
      .map(
        (step) =>
          `{"step":${step},"seed":0,"dynamicsSeed":0,"reward":0,"endReason":"truncated","turns":[],"advantages":[]}\n`,
      )
      .join('');
    const at = (latest?: number) => readGames(text, latest).games.map(({ step }) => step);
    expect([at(), at(2), at(3), at(8), at(0)]).toEqual([[9], [1], [3], [3], []]);
    expect(readGames('')).toEqual({ steps: [], games: [] });
  });

  it('are read beside lines that are damaged, and without what is no game', () => {
    const whole =
      '"seed":1,"dynamicsSeed":1,"reward":0.5,"endReason":"truncated","turns":[{"reply":{"text":"a"}}],"advantages":[1]';
    const damaged = ['"group":0,"se', whole.replace('1,"dyn', 'null,"dyn'), whole.replace('0.5', '"a"')]
      .concat(whole.replace('[1]', '["a"]'), whole.replace('{"reply":{"text":"a"}}', 'null'), whole.replace('"a"', '7'))
      .map((rest) => `{"step":3,${rest}}\n`);
    const text = `{"step":3,${whole}}\n${damaged.join('')}{"step":3,"gro{"step":4}\n`;
    expect(readGames(text).games).toEqual([{ step: 3, group: 0, ...JSON.parse(`{${whole}}`) }]);
    for (const line of damaged) expect(readGames(line).games, line).toEqual([]);
  });
});
