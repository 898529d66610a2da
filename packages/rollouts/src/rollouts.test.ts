import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import { type Policy, scriptedPolicy } from '@ludic/policies';
import { describe, expect, it } from 'vitest';
import { episodeToJson, evaluate, evaluationStarts, groupStarts, playEpisodes, transcript } from './index.ts';
import { summarize, wilsonInterval } from './internal.ts';
import { bootstrapInterval } from './statistics.ts';

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, {});
const random = () => scriptedPolicy('random', () => definition.experts.random(config));
const spec = { environment: definition, config, history: 'NO_HISTORY' as const };

describe('starts', () => {
  it('names every episode by its place: more groups or members change no other', () => {
    const few = groupStarts({ seed: 1, step: 2, groups: 2, groupSize: 3 });
    const many = groupStarts({ seed: 1, step: 2, groups: 4, groupSize: 5 });
    expect(many.slice(0, 3)).toEqual(few.slice(0, 3));
    expect(many.slice(5, 8)).toEqual(few.slice(3, 6));
    expect(groupStarts({ seed: 1, step: 2, groups: 1, groupSize: 3, firstGroup: 1 })).toEqual(few.slice(3));
    expect(evaluationStarts(7, 3, 2)).toEqual(evaluationStarts(7, 5).slice(2));
  });

  it('starts a group from the identical state, with dice of its own for each member unless they are shared', () => {
    const own = groupStarts({ seed: 1, step: 1, groups: 3, groupSize: 4 });
    expect(new Set(own.map((start) => start.seed)).size).toBe(3);
    expect(new Set(own.map((start) => start.dynamicsSeed)).size).toBe(12);
    const shared = groupStarts({ seed: 1, step: 1, groups: 3, groupSize: 4, sharedDynamics: true });
    expect(new Set(shared.map((start) => start.dynamicsSeed)).size).toBe(3);
    expect(new Set(shared.map((start) => start.policyPath.join())).size).toBe(12);
  });

  it('gives the members of a group the same first observation', async () => {
    const episodes = await playEpisodes({
      ...spec,
      policy: random(),
      starts: groupStarts({ seed: 5, step: 1, groups: 4, groupSize: 6 }),
    });
    for (let group = 0; group < 4; group++) {
      const own = episodes.slice(group * 6, group * 6 + 6);
      expect(new Set(own.map((episode) => episode.turns[0]!.observation)).size).toBe(1);
      expect(
        new Set(own.map((episode) => JSON.stringify(episode.turns.map((turn) => turn.reply.text)))).size,
      ).toBeGreaterThan(1);
    }
  });
});

describe('playEpisodes', () => {
  it('plays an episode the same alone and among others', async () => {
    const starts = evaluationStarts(3, 20);
    const together = await playEpisodes({ ...spec, policy: random(), starts });
    for (const [i, start] of starts.entries()) {
      expect(await playEpisodes({ ...spec, policy: random(), starts: [start] })).toEqual([together[i]]);
    }
  });

  it('refuses a history that there is not, which JavaScript may name', async () => {
    const history = 'EVERYTHING' as 'NO_HISTORY';
    const wrong = { ...spec, policy: random(), history };
    const message =
      'There is no history strategy "EVERYTHING"; use one of NO_HISTORY, FULL_HISTORY, SCRATCHPAD, OPTIMAL_SCRATCHPAD.';
    await expect(playEpisodes({ ...wrong, starts: evaluationStarts(0, 1) })).rejects.toThrow(message);
    await expect(evaluate({ ...wrong, episodes: 1, seed: 0 })).rejects.toThrow(message);
  });

  it('turns a game that throws into a failed episode and plays the others on', async () => {
    let made = 0;
    const broken: EnvironmentDefinition = {
      ...definition,
      create(settings) {
        const environment = definition.create(settings);
        if (made++ !== 1) return environment;
        return {
          reset: (seed, options) => environment.reset(seed, options),
          step() {
            throw new Error('the board fell down');
          },
          get state() {
            return environment.state;
          },
          memory: '',
        };
      },
    };
    const episodes = await playEpisodes({
      ...spec,
      environment: broken,
      policy: random(),
      starts: evaluationStarts(0, 3),
    });
    expect(episodes.map((episode) => episode.endReason)).toEqual(['terminated', 'failed', 'terminated']);
    expect(episodes[1]).toMatchObject({ error: expect.stringMatching(/: the board fell down\.$/), turns: [] });
    expect(episodes[0]).toEqual((await playEpisodes({ ...spec, policy: random(), starts: evaluationStarts(0, 1) }))[0]);
  });

  it('ends the game of a reply that never came and plays the others on', async () => {
    const player = random();
    let round = 0;
    const patchy: Policy = {
      ...player,
      async act(prompts) {
        const replies = await player.act(prompts);
        return round++ === 1 ? [{ finish: 'failed', error: 'no answer came' }, ...replies.slice(1)] : replies;
      },
    };
    const episodes = await playEpisodes({ ...spec, policy: patchy, starts: evaluationStarts(0, 3) });
    expect(episodes.map((episode) => episode.endReason)).toEqual(['failed', 'terminated', 'terminated']);
    expect(episodes[0]!.turns).toHaveLength(1);
    expect(transcript(episodes[0]!)).toMatch(/The game failed: no answer came/);
    expect(summarize(episodes, 0)).toMatchObject({ failure_rate: 1 / 3, first_failure: 'no answer came' });
    expect(summarize(episodes.slice(1), 0)).not.toHaveProperty('first_failure');
  });

  it('hands its signal to the policy', async () => {
    const { signal } = new AbortController();
    const player = random();
    const seen: unknown[] = [];
    const policy: Policy = {
      ...player,
      act(prompts, options) {
        seen.push(options?.signal);
        return player.act(prompts);
      },
    };
    await playEpisodes({ ...spec, policy, starts: evaluationStarts(0, 1), signal });
    expect(new Set(seen)).toEqual(new Set([signal]));
  });

  it('fails when the policy fails, answers too few prompts, or the signal says so', async () => {
    const mute: Policy = { name: 'mute', act: async () => [], dispose() {} };
    await expect(playEpisodes({ ...spec, policy: mute, starts: evaluationStarts(0, 2) })).rejects.toThrow(
      /mute gave 0 replies to 2 prompts/,
    );
    const signal = AbortSignal.abort();
    await expect(playEpisodes({ ...spec, policy: random(), starts: evaluationStarts(0, 2), signal })).rejects.toThrow(
      /abort/i,
    );
  });

  it('tells the three ends apart', async () => {
    const babbler: Policy = {
      name: 'babbler',
      act: async (prompts) => prompts.map(() => ({ text: 'hm', finish: 'length' as const })),
      dispose() {},
    };
    const [episode] = await playEpisodes({ ...spec, policy: babbler, starts: evaluationStarts(0, 1) });
    expect(episode).toMatchObject({ endReason: 'truncated', reward: 0 });
    expect(episode!.turns.every((turn) => turn.info.invalid && turn.reply.finish === 'length')).toBe(true);
  });
});

describe('evaluate', () => {
  it('gives the exact win rate of random play within its interval, at 20,000 games', async () => {
    const { total_episodes, win_rate, draw_rate, loss_rate } = await evaluate({
      ...spec,
      policy: random(),
      episodes: 20_000,
      seed: 11,
    });
    // 43.7 % win, 12.7 % draw (exact values; four standard errors).
    const within = (rate: number, exact: number) =>
      Math.abs(rate - exact) < 4 * Math.sqrt((exact * (1 - exact)) / total_episodes);
    expect(within(win_rate!, 0.4366)).toBe(true);
    expect(within(draw_rate!, 0.1269)).toBe(true);
    expect(win_rate! + draw_rate! + loss_rate!).toBeCloseTo(1, 12);
  });

  it('does not depend on how many games are played at once', async () => {
    const all = await evaluate({ ...spec, policy: random(), episodes: 300, seed: 2 });
    expect(await evaluate({ ...spec, policy: random(), episodes: 300, seed: 2, batchSize: 7 })).toEqual(all);
  });
});

describe('intervals', () => {
  it('has the known values of Wilson', () => {
    // 8 of 10: (0.8 + 0.19207 ± 0.27886…) / 1.38415, worked by hand.
    const [low, high] = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.4902, 4);
    expect(high).toBeCloseTo(0.9433, 4);
    expect(wilsonInterval(0, 50)[0]).toBe(0);
    expect(wilsonInterval(50, 50)[1]).toBe(1);
  });

  it('covers the mean as often as it claims', () => {
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 60 }, (_, i) => ((trial * 7919 + i * 104729) % 1000) / 1000);
      const [low, high] = bootstrapInterval(values, trial);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      expect(low).toBeLessThanOrEqual(mean);
      expect(high).toBeGreaterThanOrEqual(mean);
      if (low <= 0.4995 && 0.4995 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(170);
  });
});

describe('an episode on paper', () => {
  it('shows what was seen, said and earned, and is plain JSON', async () => {
    const [episode] = await playEpisodes({ ...spec, policy: random(), starts: evaluationStarts(1, 1) });
    const text = transcript(episode!);
    expect(text).toContain('Answer with the number of a free cell');
    expect(text).toContain(`→ ${episode!.turns[0]!.reply.text}`);
    expect(text).toMatch(/terminated, (win|draw|loss) after \d steps/);
    expect(JSON.parse(JSON.stringify(episodeToJson(episode!)))).toMatchObject({
      seed: episode!.seed,
      endReason: 'terminated',
    });
  });
});
