import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playEpisode } from '../../testing/play.ts';
import { resolveConfig } from '../index.ts';
import sokoban, { moved, type SokobanState, solve } from './sokoban.ts';

const ACTIONS = ['up', 'down', 'left', 'right'] as const;
const gameOf = (given: object) => {
  const config = resolveConfig(sokoban, given);
  return { config, environment: sokoban.create(config) };
};

/** Whether some way of `steps` moves solves the level: deepens step by step, without the memory that the search has. */
function isSolvable(state: SokobanState, steps: number): boolean {
  const { boxes, targets } = state;
  if (boxes.every((box) => targets.includes(box))) return true;
  // A box moves one cell at a time, so the farthest box says how many moves there must be at least.
  const away = (box: number) =>
    Math.min(
      ...targets.map(
        (to) =>
          Math.abs(Math.floor(box / state.size) - Math.floor(to / state.size)) +
          Math.abs((box % state.size) - (to % state.size)),
      ),
    );
  if (steps < Math.max(...boxes.map(away))) return false;
  return ACTIONS.some((action) => {
    const next = moved(state, action);
    return next !== undefined && isSolvable(next, steps - 1);
  });
}

describe('Sokoban', () => {
  it('keeps its rules, whatever is replied', () => {
    const settings = fc.record({
      size: fc.integer({ min: 3, max: 5 }),
      boxes: fc.integer({ min: 1, max: 2 }),
      walls: fc.integer({ min: 0, max: 2 }),
    });
    const replies = fc.array(fc.constantFrom(...ACTIONS, 'pull'), { maxLength: 30 });
    fc.assert(
      fc.property(fc.nat(), settings, replies, (seed, given, words) => {
        const { environment } = gameOf({ ...given, box_reward: 0.25, max_steps: 30 });
        environment.reset(seed);
        let reward = 0;
        for (const word of words) {
          const before = environment.state;
          const step = environment.step(`<action>${word}</action>`);
          const { agent, boxes, walls, targets, size } = environment.state;
          reward += step.reward;
          const things = [agent, ...boxes, ...walls];
          expect(new Set(things).size).toBe(things.length);
          expect(things.every((cell) => cell >= 0 && cell < size * size)).toBe(true);
          // One box at most moves, and the agent stands where it stood.
          const pushed = before.boxes.filter((box) => !boxes.includes(box));
          expect(pushed).toEqual(step.info.metrics?.pushes === 1 ? [agent] : []);
          const placed = boxes.filter((box) => targets.includes(box)).length;
          const isSolved = placed === boxes.length;
          expect(reward).toBeCloseTo(0.25 * placed + (isSolved ? 1 : 0));
          expect([step.terminated, step.info.success]).toEqual([isSolved, isSolved]);
          if (step.terminated || step.truncated) break;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('draws levels by the seed that are not solved and can be', () => {
    const { environment } = gameOf({ size: 4, boxes: 2 });
    const openings = Array.from({ length: 50 }, (_, seed) => environment.reset(seed));
    expect(openings.map((_, seed) => environment.reset(seed))).toEqual(openings);
    expect(new Set(openings).size).toBeGreaterThan(45);
    expect(openings.every((text) => (text.match(/B/g) ?? []).length === 2)).toBe(true);
  });

  it('is solved by the expert, and never in more moves than there must be', () => {
    const { config, environment } = gameOf({ size: 4, max_steps: 100 });
    const expert = sokoban.experts.expert(config);
    let counted = 0;
    for (let seed = 0; seed < 60; seed++) {
      environment.reset(seed);
      const level = environment.state;
      const { length } = solve(level)!;
      expect(playEpisode(environment, expert, seed)).toMatchObject({ steps: length, reward: 1 });
      // Longer ways are too many to enumerate.
      if (length > 8) continue;
      counted++;
      expect(isSolvable(level, length - 1)).toBe(false);
    }
    expect(counted).toBeGreaterThan(20);
  });

  it('knows a box in a corner for lost', () => {
    const level = { size: 3, walls: [], targets: [4], boxes: [0], agent: 8 };
    expect(solve(level)).toBeUndefined();
  });
});
