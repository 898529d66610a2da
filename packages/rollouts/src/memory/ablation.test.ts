// The memory of policies that live by it, and of one that does not.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { Policy } from '@ludic/policies';
import { describe, expect, it } from 'vitest';
import { notePolicy } from '../../testing/note-policy.ts';
import { evaluate } from '../evaluate.ts';
import { ablateMemory } from './ablation.ts';

const keyDoor = findEnvironment('key_door');
const spec = { environment: keyDoor, config: resolveConfig(keyDoor, {}), history: 'SCRATCHPAD' as const };
const GAMES = { episodes: 200, seed: 3 };

const writesDoor = (reads: boolean) => notePolicy(({ facts, turn }) => (turn === 0 ? facts.door! : undefined), reads);

describe.each(['SCRATCHPAD', 'FULL_HISTORY'] as const)('the ablation of %s', (history) => {
  it('costs a policy that lives by its memory steps, and says so with an interval', async () => {
    const policy = writesDoor(true);
    const { intact, other, blank } = await ablateMemory({ ...spec, history, ...GAMES, policy });
    expect(intact).toEqual(await evaluate({ ...spec, history, ...GAMES, policy: writesDoor(true) }));
    for (const { results, difference } of [other, blank]) {
      expect(results.total_episodes).toBe(GAMES.episodes);
      expect(difference.mean_steps).toBeCloseTo(results.mean_steps - intact.mean_steps, 10);
      expect(difference.mean_steps).toBeGreaterThan(5);
      expect(difference.mean_steps_ci95[0]).toBeGreaterThan(0);
    }
    // With nothing it never knows: the round trip. Another game's door is its own in one game of 16.
    expect(blank.results).toEqual(
      withoutNotes(await evaluate({ ...spec, history, ...GAMES, policy: writesDoor(false) })),
    );
    expect(other.results.mean_steps).toBeLessThan(blank.results.mean_steps);
  });

  it('costs a policy that does not read its memory nothing at all', async () => {
    const { other, blank } = await ablateMemory({ ...spec, history, ...GAMES, policy: writesDoor(false) });
    for (const { difference } of [other, blank])
      expect(difference).toMatchObject({ mean_steps: 0, mean_steps_ci95: [0, 0], success_rate: 0 });
  });
});

/** The measures of notes are those of the policy with its own notes. */
const withoutNotes = (results: object) =>
  Object.fromEntries(Object.entries(results).filter(([key]) => !key.startsWith('notes')));

describe('what a policy is shown in the place of its memory', () => {
  /** Remembers what its prompts showed, game by game; its notes say which turn they were written at. */
  function watcher(): Policy & { readonly shown: Map<object, string[]> } {
    const shown = new Map<object, string[]>();
    const names = new Map<object, number>();
    return {
      shown,
      name: 'watcher',
      act: async (prompts) =>
        prompts.map(({ episode, messages, environment, random }) => {
          const seen = shown.get(episode) ?? [];
          shown.set(episode, seen);
          const name = names.get(episode) ?? names.size;
          names.set(episode, name);
          seen.push(messages.at(-1)!.content.match(/game \d+ at \d+|is empty/)?.[0] ?? '');
          const { key, door } = environment.state as { key: number; door: number };
          // Games of unlike lengths.
          const ends = seen.length >= 2 + ((key + door) % 5);
          const text = ends ? keyDoor.experts.omniscient!(spec.config).act(environment, random) : '<action>up</action>';
          return { text: `<scratchpad>game ${name} at ${seen.length}</scratchpad>${text}`, finish: 'stop' as const };
        }),
      dispose() {},
    };
  }

  it('is the scratchpad of one other intact game at the same turn, its last where that game is over', async () => {
    const policy = watcher();
    const games = 12;
    await ablateMemory({ ...spec, policy, episodes: games, seed: 5 });
    const all = [...policy.shown.values()];
    const [intact, other, blank] = [all.slice(0, games), all.slice(games, 2 * games), all.slice(2 * games)];
    for (const [i, seen] of intact.entries())
      expect(seen).toEqual(seen.map((_, turn) => (turn === 0 ? 'is empty' : `game ${i} at ${turn}`)));
    const shift = Number(other[0]![1]!.match(/game (\d+)/)![1]);
    expect(shift).toBeGreaterThan(0);
    for (const [i, seen] of other.entries()) {
      const partner = (i + shift) % games;
      const last = intact[partner]!.length;
      expect(seen).toEqual(
        seen.map((_, turn) => (turn === 0 ? 'is empty' : `game ${partner} at ${Math.min(turn, last)}`)),
      );
    }
    expect(other.some((seen, i) => seen.length > intact[(i + shift) % games]!.length + 1)).toBe(true);
    for (const seen of blank) expect(new Set(seen)).toEqual(new Set(['is empty']));
  });

  it('does not depend on how many games are played at once, and is the same for a seed', async () => {
    const play = (batchSize: number) =>
      ablateMemory({ ...spec, policy: writesDoor(true), episodes: 30, seed: 1, batchSize });
    expect(await play(7)).toEqual(await play(1000));
  });
});

describe('an ablation', () => {
  it('tells how far it is, over all three', async () => {
    const told: number[] = [];
    const onProgress = (played: number) => told.push(played);
    await ablateMemory({ ...spec, policy: writesDoor(true), episodes: 10, seed: 1, batchSize: 5, onProgress });
    expect(told).toEqual([5, 10, 15, 20, 25, 30]);
  });

  it('refuses a history that has no memory of its own, and a single game', async () => {
    const policy = writesDoor(true);
    for (const history of ['NO_HISTORY', 'OPTIMAL_SCRATCHPAD'] as const)
      await expect(ablateMemory({ ...spec, history, ...GAMES, policy })).rejects.toThrow('no memory to take away');
    await expect(ablateMemory({ ...spec, policy, episodes: 1, seed: 1 })).rejects.toThrow('at least two games');
  });
});

describe('the mean steps of an evaluation', () => {
  it('count a failed game with its cut-off', async () => {
    const stays = keyDoor.experts.tour!(spec.config);
    // Every other game is walked to its end, the rest stands at a wall.
    const seen: object[] = [];
    const policy: Policy = {
      name: 'half',
      act: async (prompts) =>
        prompts.map(({ episode, environment, random }) => {
          if (!seen.includes(episode)) seen.push(episode);
          const text = seen.indexOf(episode) % 2 === 0 ? stays.act(environment, random) : 'nothing';
          return { text, finish: 'stop' as const };
        }),
      dispose() {},
    };
    const steps: number[] = [];
    const { mean_steps, success_rate } = await evaluate({
      ...{ ...spec, policy, episodes: 20, seed: 1 },
      onProgress: (_, fresh) => steps.push(...fresh.map(({ turns }) => turns.length)),
    });
    expect(success_rate).toBe(0.5);
    expect(steps.filter((_, i) => i % 2 === 1)).toEqual(new Array(10).fill(50));
    expect(mean_steps).toBeCloseTo(steps.reduce((a, b) => a + b, 0) / 20, 12);
  });
});
