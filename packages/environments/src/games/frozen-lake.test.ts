import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectShare, playEpisode } from '../../testing/play.ts';
import { resolveConfig } from '../index.ts';
import frozenLake, { type FrozenLakeState, moved, outcomes, solve } from './frozen-lake.ts';

const ACTIONS = ['left', 'down', 'right', 'up'] as const;
const gameOf = (given: object) => {
  const config = resolveConfig(frozenLake, given);
  return { config, environment: frozenLake.create(config) };
};

/** The probability of success under the expert's own actions: follows the distribution over cells, step by step. */
function chanceOfExpert(start: FrozenLakeState, slippery: boolean): number {
  const goal = start.size ** 2 - 1;
  let cells = new Map([[start.agent, 1]]);
  let reached = 0;
  for (let left = start.left; left > 0; left--) {
    const next = new Map<number, number>();
    for (const [agent, probability] of cells) {
      const { action } = solve({ ...start, agent, left }, slippery);
      const ends = outcomes(agent, start.size, action, slippery);
      for (const end of ends) {
        if (end === goal) reached += probability / ends.length;
        else if (!start.holes.includes(end)) next.set(end, (next.get(end) ?? 0) + probability / ends.length);
      }
    }
    cells = next;
  }
  return reached;
}

/** Steps of a shortest way to the goal. */
function distance({ size, holes }: FrozenLakeState): number {
  const steps = new Map([[0, 0]]);
  for (const [cell, count] of steps)
    for (const action of ACTIONS) {
      const next = moved(cell, size, action);
      if (!holes.includes(next) && !steps.has(next)) steps.set(next, count + 1);
    }
  return steps.get(size ** 2 - 1)!;
}

describe('FrozenLake', () => {
  it('keeps its rules, whatever is replied', () => {
    const replies = fc.array(fc.constantFrom(...ACTIONS, 'UP', 'jump', ''), { maxLength: 40 });
    const settings = fc.record({ size: fc.integer({ min: 2, max: 6 }), slippery: fc.boolean() });
    fc.assert(
      fc.property(fc.nat(), settings, replies, (seed, given, words) => {
        const { environment } = gameOf({ ...given, max_steps: 10, invalid_penalty: 0.5 });
        environment.reset(seed);
        const { holes } = environment.state;
        expect(holes.includes(0) || holes.includes(given.size ** 2 - 1)).toBe(false);
        for (const word of words) {
          const before = environment.state;
          const { terminated, truncated, reward, info } = environment.step(`<action>${word}</action>`);
          const { agent } = environment.state;
          const action = ACTIONS.find((one) => one === word.toLowerCase());
          expect(info.invalid).toBe(action === undefined);
          if (!action) expect([reward, environment.state]).toEqual([-0.5, before]);
          else {
            expect(outcomes(before.agent, given.size, action, given.slippery)).toContain(agent);
            expect(reward).toBe(agent === given.size ** 2 - 1 ? 1 : 0);
            expect(terminated).toBe(reward === 1 || holes.includes(agent));
            expect(info.metrics?.holes).toBe(holes.includes(agent) ? 1 : 0);
          }
          if (terminated || truncated) break;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('starts alike from one seed, and slips by the dynamics seed alone', () => {
    const { environment } = gameOf({ slippery: true });
    const played = (dynamicsSeed: number) => {
      const opening = environment.reset(3, { dynamicsSeed });
      return [opening, ...Array.from({ length: 3 }, () => environment.step('<action>up</action>').observation)];
    };
    expect(played(1)).toEqual(played(1));
    const ways = Array.from({ length: 20 }, (_, seed) => played(seed));
    expect(new Set(ways.map(([opening]) => opening)).size).toBe(1);
    expect(new Set(ways.map((way) => way.join())).size).toBeGreaterThan(1);
  });

  it('is crossed by the expert on a shortest way where the ice is not slippery', () => {
    const { config, environment } = gameOf({ size: 5, holes: 0.3 });
    for (let seed = 0; seed < 60; seed++) {
      environment.reset(seed);
      const shortest = distance(environment.state);
      expect(solve(environment.state, false).value).toBe(1);
      expect(playEpisode(environment, frozenLake.experts.expert(config), seed)).toMatchObject({
        steps: shortest,
        reward: 1,
      });
      environment.reset(seed);
      expect(solve({ ...environment.state, left: shortest - 1 }, false).value).toBe(0);
    }
  });

  it('is crossed on slippery ice as often as value iteration says, by enumeration and in play', () => {
    const { config, environment } = gameOf({ slippery: true, size: 3, max_steps: 12 });
    const expert = frozenLake.experts.expert(config);
    let expected = 0;
    let won = 0;
    const games = 1200;
    for (let seed = 0; seed < games; seed++) {
      environment.reset(seed);
      const { value } = solve(environment.state, true);
      if (seed < 40) expect(chanceOfExpert(environment.state, true)).toBeCloseTo(value, 10);
      expected += value / games;
      won += playEpisode(environment, expert, seed).reward;
    }
    expect(expected).toBeGreaterThan(0.2);
    expectShare(won, games, expected);
  });

  it('has the value of a lake that can be counted by hand', () => {
    // Two by two without holes: right and down each reach the goal from a corner beside it with 1/3 on slippery ice.
    const lake = { size: 2, holes: [], agent: 1, left: 1 };
    expect(solve(lake, true).value).toBeCloseTo(1 / 3);
    expect(solve({ ...lake, left: 2 }, true).value).toBeCloseTo(1 - (2 / 3) ** 2);
    // With a hole in the other corner and one step no action is surer.
    expect(solve({ size: 2, holes: [2], agent: 0, left: 1 }, true).value).toBe(0);
  });
});
