// Scratchpads that the game writes: what is in them, and that what the policy writes is not.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { describe, expect, it } from 'vitest';
import { notePolicy } from '../testing/note-policy.ts';
import { evaluate, evaluationStarts, playEpisodes, type Turn } from './index.ts';

const environment = findEnvironment('key_door');
const config = resolveConfig(environment, {});
const spec = { environment, config, history: 'SCRATCHPAD' as const };
/** Walks the round trip and writes what is never true. */
const scribbler = () => notePolicy(() => 'You saw the door at row 9, column 9.');

const padOf = ({ prompt }: Turn) => /<scratchpad>\n([^<]*)\n<\/scratchpad>/.exec(prompt.at(-1)!.content)?.[1];
const placeOf = ({ observation }: Turn) => /row \d, column \d/.exec(observation)![0];

describe('given notes', () => {
  it('hold what was seen at earlier turns and is so still, and nothing that the policy wrote', async () => {
    const episodes = await playEpisodes({
      ...spec,
      policy: scribbler(),
      starts: evaluationStarts(4, 50),
      givenNotes: 1,
    });
    let shown = 0;
    for (const { turns } of episodes) {
      let door: string | undefined;
      for (const turn of turns) {
        expect(padOf(turn)).toBe(door);
        if (door) shown++;
        // The walk takes the key at once, so that it is never a fact a turn later.
        if (turn.observation.includes('There is a locked door here.')) door = `You saw the door at ${placeOf(turn)}.`;
      }
    }
    expect(shown).toBeGreaterThan(50);
  });

  it('are of a share of the games, whichever others are played, and of no game without them', async () => {
    const games = async (givenNotes: number, count: number) =>
      (await playEpisodes({ ...spec, policy: scribbler(), starts: evaluationStarts(4, count), givenNotes })).map(
        ({ turns }) => !turns.some((turn) => padOf(turn)?.includes('row 9')),
      );
    const half = await games(0.5, 200);
    expect(half.filter(Boolean).length / 200).toBeGreaterThan(0.4);
    expect(half.filter(Boolean).length / 200).toBeLessThan(0.6);
    expect(await games(0.5, 20)).toEqual(half.slice(0, 20));
    expect((await games(0, 20)).filter(Boolean)).toEqual([]);
  });

  it('are situations of their own, for what is written there leads to nothing', async () => {
    const situations = async (givenNotes: number) => {
      const [episode] = await playEpisodes({
        ...spec,
        policy: scribbler(),
        starts: evaluationStarts(4, 1),
        givenNotes,
      });
      return episode!.turns.map(({ situation }) => situation!);
    };
    expect(await situations(1)).toEqual((await situations(0)).map((situation) => `${situation} given`));
  });

  it('help a policy that reads them, from the first turn on where the game begins with something known', async () => {
    const reader = () => notePolicy(() => undefined, true);
    const games = { policy: reader(), episodes: 100, seed: 2 };
    const alone = await evaluate({ ...spec, ...games });
    const given = await evaluate({ ...spec, ...games, givenNotes: 1 });
    expect(given.mean_steps).toBeLessThan(alone.mean_steps - 1);
    // The notes are no work of the policy.
    expect(alone).toHaveProperty('notes_rate_door');
    expect(given).not.toHaveProperty('notes_rate_door');
    const begun = { ...spec, config: resolveConfig(environment, { head_start: 1 }) };
    // Straight to the door: a walk of 2.7 on average, and one to open it.
    expect((await evaluate({ ...begun, ...games, givenNotes: 1 })).mean_steps).toBeLessThan(4.5);
  });
});
