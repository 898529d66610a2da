// The exact values come from an independent enumeration: fixtures/golden.json. All starts of a grid are played once.
import { readFileSync } from 'node:fs';
import { stream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { expectShare, playEpisode } from '../../testing/play.ts';
import { resolveConfig } from '../config.ts';
import type { Environment, Expert } from '../contract.ts';
import { EnvironmentError } from '../errors.ts';
import { keyDoor } from './key-door.ts';
import { type Direction, type KeyDoorState, neighbour, visit } from './state.ts';

interface Grid {
  readonly start_configurations: number;
  readonly optimal_policy_steps: { readonly mean: number; readonly histogram: Record<string, number> };
  readonly uniform_random_policy_success_probability: Record<string, number>;
}
const golden = JSON.parse(readFileSync(new URL('../../fixtures/golden.json', import.meta.url), 'utf8')).keydoor as {
  readonly by_grid_size: Record<string, Grid>;
  readonly memoryless_hamiltonian_policy: {
    readonly result: { readonly mean_steps: number; readonly histogram: Record<string, number> };
  };
};

/** These players draw nothing. */
const unused = stream(0);

/** How many actions the player needs from `start`; the rules of moving only. */
function stepsFrom(start: KeyDoorState, player: Expert<KeyDoorState>): number {
  let state = start;
  for (let steps = 1; steps < 1000; steps++) {
    const action = player.act({ state } as Environment<KeyDoorState>, unused).slice('<action>'.length, -9);
    if (action === 'interact') {
      if (state.carrying && state.agent === state.door) return steps;
      if (state.agent === state.key) state = { ...state, carrying: true };
      continue;
    }
    const agent = neighbour(state.agent, state.size, action as Direction);
    if (agent === undefined) continue;
    state = { ...state, agent, visited: visit(state.visited, state.size, agent) };
  }
  throw new Error('the player does not finish');
}

/** Steps needed over all starts: mean and histogram. */
function survey(size: number, player: Expert<KeyDoorState>) {
  const histogram: Record<string, number> = {};
  let total = 0;
  let starts = 0;
  const cells = Array.from({ length: size * size }, (_, cell) => cell);
  for (const agent of cells) {
    for (const key of cells) {
      for (const door of cells) {
        if (agent === key || agent === door || key === door) continue;
        const visited = visit(new Array<number>(size).fill(0), size, agent);
        const steps = stepsFrom({ size, agent, key, door, carrying: false, visited }, player);
        histogram[steps] = (histogram[steps] ?? 0) + 1;
        total += steps;
        starts++;
      }
    }
  }
  return { histogram, mean: total / starts, starts };
}

const player = (name: string, size: number) => keyDoor.experts[name]!(resolveConfig(keyDoor, { size }));

describe('the omniscient player', () => {
  it.each([3, 4, 5])('needs the known number of steps on a grid of size %i', (size) => {
    const { optimal_policy_steps, start_configurations } = golden.by_grid_size[size]!;
    const { histogram, mean, starts } = survey(size, player('omniscient', size));
    expect(starts).toBe(start_configurations);
    expect(histogram).toEqual(optimal_policy_steps.histogram);
    expect(mean).toBeCloseTo(optimal_policy_steps.mean, 12);
  });
});

describe('the tour', () => {
  it('needs 18 steps on average and never more than 32', () => {
    const { result } = golden.memoryless_hamiltonian_policy;
    const { histogram, mean } = survey(4, player('tour', 4));
    expect(histogram).toEqual(result.histogram);
    expect(mean).toBe(result.mean_steps);
  });

  it('always succeeds in the default game', () => {
    const config = resolveConfig(keyDoor);
    const environment = keyDoor.create(config);
    let steps = 0;
    for (let seed = 0; seed < 2000; seed++) {
      const played = playEpisode(environment, keyDoor.experts.tour!(config), seed);
      expect(played.reward).toBe(1.1);
      steps += played.steps;
    }
    // The steps' standard deviation is 6.6.
    expect(Math.abs(steps / 2000 - 18)).toBeLessThan((4 * 6.6) / Math.sqrt(2000));
  });

  it('works on every even size and is refused on odd ones', () => {
    expect(survey(2, player('tour', 2)).starts).toBe(24);
    expect(() => player('tour', 5)).toThrow(EnvironmentError);
  });
});

describe('the random player', () => {
  it.each([
    [3, 35],
    [3, 50],
    [4, 35],
    [4, 50],
    [5, 50],
  ])('succeeds on a grid of size %i within %i steps as often as calculated', (size, maxSteps) => {
    const config = resolveConfig(keyDoor, { size, max_steps: maxSteps });
    const environment = keyDoor.create(config);
    let successes = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      const { last, reward } = playEpisode(environment, keyDoor.experts.random(config), seed);
      if (last.terminated) successes++;
      expect(reward > 0.5).toBe(last.terminated);
    }
    const { uniform_random_policy_success_probability: known } = golden.by_grid_size[size]!;
    expectShare(successes, 20_000, known[`within_${maxSteps}_steps`]!);
  });
});

describe('the expert', () => {
  it('needs 82/9 steps on a 3x3 grid and 14 on a 4x4 grid, the fewest that are possible without sight', () => {
    expect(survey(3, player('expert', 3)).mean).toBeCloseTo(bestWithoutSight(3), 9);
    const { mean, histogram } = survey(4, player('expert', 4));
    expect(mean).toBe(14); // bestWithoutSight(4), which takes long
    expect(Math.max(...Object.keys(histogram).map(Number))).toBeLessThanOrEqual(35);
  });

  it('beats the tour on a larger grid too', () => {
    const config = resolveConfig(keyDoor, { size: 8, max_steps: 1000 });
    const environment = keyDoor.create(config);
    const mean = (name: string) => {
      let steps = 0;
      for (let seed = 0; seed < 300; seed++)
        steps += playEpisode(environment, keyDoor.experts[name]!(config), seed).steps;
      return steps / 300;
    };
    expect(mean('expert')).toBeLessThan(mean('tour') - 10);
    expect(mean('expert')).toBeGreaterThan(mean('omniscient'));
  });
});

/** The least mean number of steps for a player that sees its own cell only: dynamic programming over unvisited sets. */
function bestWithoutSight(size: number): number {
  const cells = Array.from({ length: size * size }, (_, cell) => cell);
  const away = (a: number, b: number) =>
    Math.abs(Math.floor(a / size) - Math.floor(b / size)) + Math.abs((a % size) - (b % size));
  const known = new Map<string, number>();
  // Steps still to walk from `at`, key and door being anywhere in `left`; `door` is its cell, 'none' while unseen.
  const walk = (at: number, left: readonly number[], carrying: boolean, door: number | undefined): number => {
    const key = `${at}|${left.join()}|${carrying}|${door}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    let best = Number.POSITIVE_INFINITY;
    for (const next of left) {
      const rest = left.filter((cell) => cell !== next);
      const n = left.length;
      let steps = away(at, next);
      if (carrying) steps += n > 1 ? ((n - 1) / n) * walk(next, rest, true, undefined) : 0;
      else if (door !== undefined) {
        steps += away(next, door) / n + (n > 1 ? ((n - 1) / n) * walk(next, rest, false, door) : 0);
      } else {
        steps += (walk(next, rest, true, undefined) + walk(next, rest, false, next)) / n;
        if (n > 2) steps += ((n - 2) / n) * walk(next, rest, false, undefined);
      }
      best = Math.min(best, steps);
    }
    known.set(key, best);
    return best;
  };
  const means = cells.map((start) =>
    walk(
      start,
      cells.filter((cell) => cell !== start),
      false,
      undefined,
    ),
  );
  return means.reduce((sum, mean) => sum + mean, 0) / cells.length + 2; // Two interacts.
}
