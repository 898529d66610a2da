// Measured on policies whose notes are known beforehand. KeyDoor 4x4: the door is at each of 16 cells equally often.

import { type EnvironmentDefinition, findEnvironment, resolveConfig } from '@ludic/environments';
import type { Policy } from '@ludic/policies';
import type { RandomStream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { notePolicy } from '../../testing/note-policy.ts';
import { evaluate } from '../evaluate.ts';

const CELLS = 16;
const GAMES = 600;
const keyDoor = findEnvironment('key_door');
const spec = { environment: keyDoor, config: resolveConfig(keyDoor, {}), history: 'SCRATCHPAD' as const };

const doorAt = (cell: number) => `You saw the door at row ${Math.floor(cell / 4) + 1}, column ${(cell % 4) + 1}.`;
const anyDoor = (random: RandomStream) => doorAt(random.nextInt(CELLS));
const otherDoor = (random: RandomStream, door: string): string => {
  const line = anyDoor(random);
  return line === door ? otherDoor(random, door) : line;
};

const measure = (write: Parameters<typeof notePolicy>[0], episodes = GAMES) =>
  evaluate({ ...spec, policy: notePolicy(write), episodes, seed: 1 });

describe('the measures of notes', () => {
  it('of perfect notes: all true, kept to the end, and all that there is to know', async () => {
    const measured = await measure(({ facts }) => Object.values(facts).join('\n'));
    expect(measured).toMatchObject({ notes_empty_rate: 0, notes_other_rate: 0 });
    for (const kind of ['key', 'door']) {
      expect(measured).toMatchObject({
        [`notes_rate_${kind}`]: 1,
        [`notes_true_rate_${kind}`]: 1,
        [`notes_written_true_rate_${kind}`]: 1,
        [`notes_survival_${kind}`]: 20,
        [`notes_survival_median_${kind}`]: 20,
        [`notes_information_share_${kind}`]: 1,
      });
      expect(measured[`notes_information_${kind}`]).toBeCloseTo(Math.log2(CELLS), 1);
      // 225 degrees of freedom: noise of information alone, which far more games would bring to 0.
      expect(measured[`notes_information_chance_${kind}`]).toBeLessThan(0.3);
    }
  });

  it('of random notes: true by chance, and no information', async () => {
    const measured = await measure(({ random }) => anyDoor(random));
    // Four standard errors of a share of 1/16 among independent games; turns of a game are more than one.
    expect(Math.abs(measured.notes_true_rate_door! - 1 / CELLS)).toBeLessThan(4 * Math.sqrt(15 / 256 / GAMES));
    expect(measured.notes_rate_door).toBe(1);
    const { notes_information_door: information, notes_information_chance_door: chance } = measured;
    expect(Math.abs(information! - chance!)).toBeLessThan(0.15);
    expect(measured.notes_information_share_door).toBeLessThan(0.1);
    // The next reply writes another line 15 times of 16.
    expect(measured.notes_survival_median_door).toBe(1);
    expect(Math.abs(measured.notes_survival_door! - 1 / (1 - 1 / CELLS))).toBeLessThan(0.05);
    expect(measured.notes_rate_key).toBe(0);
    expect(measured).not.toHaveProperty('notes_true_rate_key');
    expect(measured).not.toHaveProperty('notes_survival_key');
    expect(measured.notes_information_key).toBeCloseTo(0, 10);
  });

  it('of notes that are true with a known probability: the closed forms', async () => {
    const right = 0.6;
    const measured = await measure(({ facts: { door }, random, turn }) =>
      turn > 0 ? undefined : random.nextFloat() < right ? door! : otherDoor(random, door!),
    );
    const error = 4 * Math.sqrt((right * (1 - right)) / GAMES);
    expect(Math.abs(measured.notes_written_true_rate_door! - right)).toBeLessThan(error);
    // Long games weigh more in this one, but the note does not know how long its game is.
    expect(Math.abs(measured.notes_true_rate_door! - right)).toBeLessThan(1.5 * error);
    const exact = Math.log2(CELLS) + right * Math.log2(right) + (1 - right) * Math.log2((1 - right) / (CELLS - 1));
    expect(Math.abs(measured.notes_information_door! - exact)).toBeLessThan(0.4);
    expect(measured.notes_survival_door).toBe(20);
  });

  it('of notes that are dropped after some turns: that survival', async () => {
    const measured = await measure(({ facts: { door }, turn }) => (turn === 0 ? door! : turn === 3 ? '' : undefined));
    expect(measured).toMatchObject({ notes_survival_door: 3, notes_survival_median_door: 3, notes_true_rate_door: 1 });
    expect(measured.notes_empty_rate).toBeGreaterThan(0.5);
  });

  it('of notes that each reply drops with a known probability: the mean of the geometric distribution', async () => {
    const measured = await measure(({ facts: { door }, turn, random }) =>
      turn === 0 ? door! : random.nextFloat() < 0.25 ? '' : undefined,
    );
    // Games end long before 20 turns or go on after them: what they cut off is not counted as lost.
    const exact = (1 - 0.75 ** 20) / 0.25;
    expect(Math.abs(measured.notes_survival_door! - exact)).toBeLessThan(0.5);
    expect(measured.notes_survival_median_door).toBe(3);
  });

  it('of notes that a false one replaces: they last until then', async () => {
    const measured = await measure(({ facts: { door }, turn, random }) =>
      turn === 0 ? door! : turn === 5 ? otherDoor(random, door!) : undefined,
    );
    expect(measured).toMatchObject({ notes_survival_door: 5, notes_written_true_rate_door: expect.any(Number) });
    expect(measured.notes_rate_door).toBe(1);
    expect(measured.notes_true_rate_door).toBeLessThan(1);
  });

  it('of no notes, or of other lines: nothing but that', async () => {
    const none = await measure(() => undefined, 100);
    expect(none).toMatchObject({ notes_empty_rate: 1, notes_rate_door: 0, notes_information_door: 0 });
    expect(none).not.toHaveProperty('notes_other_rate');
    const other = await measure(() => 'I am here.\n\nI like it.', 100);
    expect(other).toMatchObject({ notes_empty_rate: 0, notes_other_rate: 1, notes_rate_door: 0 });
  });

  it('do not judge notes of what is no longer there', async () => {
    // The note of the key stays when the key is taken.
    const measured = await measure(({ facts: { key }, turn }) => (turn === 0 ? key! : undefined), 300);
    expect(measured).toMatchObject({ notes_true_rate_key: 1, notes_rate_key: 1, notes_other_rate: 0 });
    expect(measured.notes_survival_key).toBe(20);
  });

  it('do not depend on how many games are played at once', async () => {
    const options = { ...spec, episodes: 60, seed: 2 };
    const policy = () => notePolicy(({ random }) => anyDoor(random));
    const all = await evaluate({ ...options, policy: policy() });
    expect(await evaluate({ ...options, policy: policy(), batchSize: 7 })).toEqual(all);
  });

  it('are not there for other histories and for games that say no facts', async () => {
    const policy = notePolicy(() => 'Note.');
    const keysOf = async (options: Partial<typeof spec>) =>
      Object.keys(await evaluate({ ...spec, ...options, policy, episodes: 5, seed: 1 })).filter((key) =>
        key.startsWith('notes'),
      );
    expect(await keysOf({})).not.toEqual([]);
    expect(await keysOf({ history: 'NO_HISTORY' as 'SCRATCHPAD' })).toEqual([]);
    const ticTacToe = { environment: 'tic_tac_toe', config: {}, history: 'SCRATCHPAD' as const };
    const player: Policy = {
      ...policy,
      act: async (all) => all.map(() => ({ text: '<scratchpad>x', finish: 'stop' })),
    };
    const measured = await evaluate({ ...ticTacToe, policy: player, episodes: 5, seed: 1 });
    expect(Object.keys(measured).filter((key) => key.startsWith('notes'))).toEqual([]);
  });

  it('go without the facts of a game that fails to say them', async () => {
    const broken: EnvironmentDefinition = {
      ...keyDoor,
      create: (config) =>
        new Proxy(keyDoor.create(config), {
          get(game, name) {
            if (name === 'facts') throw new Error('the facts fell down');
            const value = Reflect.get(game, name, game) as unknown;
            return typeof value === 'function' ? value.bind(game) : value;
          },
        }),
    };
    const walker: Policy = {
      ...notePolicy(() => ''),
      act: async (all) => all.map(() => ({ text: '', finish: 'stop' })),
    };
    const measured = await evaluate({ ...spec, environment: broken, policy: walker, episodes: 3, seed: 1 });
    expect(measured).toMatchObject({ failure_rate: 0, mean_steps: 50 });
    expect(measured).not.toHaveProperty('notes_empty_rate');
  });
});
