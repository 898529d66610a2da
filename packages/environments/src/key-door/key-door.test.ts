import { stream } from '@ludic/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectShare } from '../../testing/play.ts';
import { resolveConfig } from '../config.ts';
import { LIMIT_NOTE } from '../define-environment.ts';
import { type KeyDoorConfig, keyDoor } from './key-door.ts';
import { distance, isVisited, type KeyDoorState, seenPart } from './state.ts';
import { facts, memory, NOTES } from './texts.ts';

const configOf = (raw: Partial<KeyDoorConfig> = {}) => resolveConfig(keyDoor, raw);
const make = (raw: Partial<KeyDoorConfig> = {}) => keyDoor.create(configOf(raw));
const reply = (action: string) => `<action>${action}</action>`;

/** The moves from one cell to another, rows first. */
function route(from: number, to: number, size: number): string[] {
  const rows = Math.floor(to / size) - Math.floor(from / size);
  const columns = (to % size) - (from % size);
  const repeat = (action: string, count: number) => new Array<string>(Math.max(0, count)).fill(action);
  return [...repeat('up', -rows), ...repeat('down', rows), ...repeat('left', -columns), ...repeat('right', columns)];
}

describe('KeyDoor', () => {
  it('tells where the agent is, what it carries, what is here and where it can go, and nothing else', () => {
    const environment = make();
    const texts = new Map<string, Set<string>>();
    for (let seed = 0; seed < 400; seed++) {
      const text = environment.reset(seed);
      const { agent } = environment.state;
      const lines = text.split('\n');
      expect(lines[0]).toBe(`You are at row ${Math.floor(agent / 4) + 1}, column ${(agent % 4) + 1} of a 4x4 grid.`);
      expect(lines.slice(1, 3)).toEqual(['You do not carry the key.', 'There is nothing here.']);
      expect(lines).toHaveLength(4);
      texts.set(lines[0]!, (texts.get(lines[0]!) ?? new Set()).add(text));
    }
    // All 16 openings, each with one text wherever key and door are.
    expect(texts.size).toBe(16);
    for (const variants of texts.values()) expect(variants.size).toBe(1);
  });

  it('lists the moves that no wall blocks', () => {
    const environment = make({ size: 2, max_steps: 100 });
    environment.reset(0);
    for (const action of ['up', 'left']) environment.step(reply(action));
    expect(environment.step('?').observation).toContain('Possible moves: down, right.');
  });

  it('pays for the key and for the door, and ends with the open door', () => {
    const environment = make();
    environment.reset(5);
    const { agent, key, door, size } = environment.state;
    let step = environment.step(reply('interact'));
    for (const action of route(agent, key, size)) {
      step = environment.step(reply(action));
      expect(step.reward).toBe(0);
    }
    expect(step.observation).toContain('There is a key here.');
    step = environment.step(reply('interact'));
    expect(step.reward).toBe(0.1);
    expect(step.observation.split('\n').slice(0, 4).join()).toMatch(
      /^You take the key\.,.*,You carry the key\.,There is nothing here\./,
    );
    for (const action of route(key, door, size)) step = environment.step(reply(action));
    expect(step.observation).toContain('There is a locked door here.');
    step = environment.step(reply('interact'));
    expect(step).toEqual({
      observation: NOTES.open,
      reward: 1,
      terminated: true,
      truncated: false,
      info: { invalid: false },
    });
    expect(() => environment.step(reply('up'))).toThrow(expect.objectContaining({ code: 'episode_over' }));
  });

  it('says why an action did nothing', () => {
    const environment = make();
    environment.reset(5);
    const { agent, door, size } = environment.state;
    for (let i = 0; i < Math.floor(agent / size); i++) environment.step(reply('up'));
    const wall = environment.step(reply('UP'));
    expect(wall.observation).toMatch(/^There is a wall\. You stay\.\nYou are at row 1, /);
    expect(wall).toMatchObject({ reward: 0, info: { invalid: false } });
    for (const action of route(agent % size, door, size)) environment.step(reply(action));
    const locked = environment.step(reply('interact'));
    expect(locked.observation.startsWith(`${NOTES.locked}\n`)).toBe(true);
    expect(locked).toMatchObject({ reward: 0, terminated: false, info: { invalid: false } });
    environment.reset(5);
    expect(environment.step(reply('interact')).observation.startsWith(`${NOTES.nothing}\n`)).toBe(true);
  });

  it('counts an invalid reply as a step, explains it and repeats the observation', () => {
    const environment = make({ max_steps: 2, invalid_penalty: 0.125 });
    const first = environment.reset(5);
    expect(environment.step(reply('jump'))).toEqual({
      observation: `${NOTES.unreadable}\n${first}`,
      reward: -0.125,
      terminated: false,
      truncated: false,
      info: { invalid: true },
    });
    const last = environment.step('up');
    expect(last).toMatchObject({ reward: -0.625, truncated: true, terminated: false });
    expect(last.observation).toBe(`${NOTES.unreadable}\n${LIMIT_NOTE}\n${first}`);
  });

  it('lets the last step open the door without a penalty', () => {
    const long = make();
    long.reset(9);
    const { state } = long;
    const actions = [...route(state.agent, state.key, 4), 'interact', ...route(state.key, state.door, 4), 'interact'];
    const environment = make({ max_steps: actions.length });
    environment.reset(9);
    const steps = actions.map((action) => environment.step(reply(action)));
    expect(steps.at(-1)).toMatchObject({ reward: 1, terminated: true, truncated: false });
    const short = make({ max_steps: actions.length - 1 });
    short.reset(9);
    const late = actions.slice(0, -1).map((action) => short.step(reply(action)));
    expect(late.at(-1)).toMatchObject({ reward: -0.5, terminated: false, truncated: true });
  });

  it('begins a share of the games with the key taken and the door seen, the others as without', () => {
    const [plain, some, all] = [0, 0.25, 1].map((head_start) => make({ head_start }));
    let begun = 0;
    for (let seed = 0; seed < 400; seed++) {
      for (const environment of [plain!, some!, all!]) environment.reset(seed);
      const { agent, key, door } = plain!.state;
      if (some!.state.carrying) begun++;
      else expect(some!.state).toEqual(plain!.state);
      expect(all!.state).toMatchObject({ agent, key, door, carrying: true });
      expect(all!.memory).toContain(facts(all!.state).door);
      expect(plain!.memory).not.toContain('You saw');
      const steps = route(agent, door, 4).map((action) => all!.step(reply(action)));
      expect(steps.some(({ terminated }) => terminated)).toBe(false);
      expect(all!.step(reply('interact'))).toMatchObject({ reward: 1, terminated: true });
    }
    expectShare(begun, 400, 0.25);
  });

  it('repeats an episode for the same seed and replies, also after another reset', () => {
    const actions = fc.array(fc.constantFrom('up', 'down', 'left', 'right', 'interact', 'jump'), { maxLength: 49 });
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 2, max: 20 }), actions, (seed, size, actions) => {
        const environment = make({ size, max_steps: 100 });
        const play = () => {
          const texts = [environment.reset(seed), environment.memory];
          for (const action of actions) {
            const step = environment.step(reply(action));
            texts.push(step.observation, environment.memory);
            if (step.terminated) break;
          }
          return texts;
        };
        const first = play();
        environment.reset(0);
        expect(play()).toEqual(first);
        expect(new Set([environment.state.agent, environment.state.key, environment.state.door]).size).toBeGreaterThan(
          0,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('takes any string without throwing', () => {
    const environment = make({ max_steps: 10_000 });
    environment.reset(1);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<action>', '<action>up', '<action>__proto__'),
    );
    fc.assert(
      fc.property(text, (reply) => {
        expect(environment.step(reply).info.invalid).toBe(!/<action>up/.test(reply));
      }),
    );
  });
});

describe('the start of KeyDoor', () => {
  it('puts agent, key and door on three different cells, every cell equally often', () => {
    const environment = make({ size: 2 });
    const starts = new Map<string, number>();
    for (let seed = 0; seed < 12_000; seed++) {
      environment.reset(seed);
      const { agent, key, door } = environment.state;
      const start = `${agent} ${key} ${door}`;
      starts.set(start, (starts.get(start) ?? 0) + 1);
    }
    expect(starts.size).toBe(24);
    for (const [start, count] of starts) {
      expect(new Set(start.split(' ')).size).toBe(3);
      expectShare(count, 12_000, 1 / 24);
    }
  });
});

describe('the memory of KeyDoor', () => {
  const state: KeyDoorState = { size: 4, agent: 5, key: 12, door: 3, carrying: false, visited: [0b1001, 0b0011, 0, 0] };

  it('holds what was seen and no more', () => {
    expect(memory(state)).toBe(
      [
        'You saw the door at row 1, column 4.',
        'The door is up and right of you.',
        'Visited cells:',
        'x..x',
        'xo..',
        '....',
        '....',
        'New cells next to you: up, down, right.',
      ].join('\n'),
    );
  });

  it('forgets the search once there is nothing to search for', () => {
    const carrying = { ...state, carrying: true };
    expect(memory(carrying)).toBe('You saw the door at row 1, column 4.\nThe door is up and right of you.');
    const both = { ...state, visited: [0b1001, 0b0011, 0, 1] };
    expect(memory(both).split('\n').slice(0, 2)).toEqual([
      'You saw the key at row 4, column 1.',
      'The key is down and left of you.',
    ]);
    expect(memory(both)).not.toContain('Visited');
  });

  it('is the same wherever the unseen key and door are', () => {
    const cell = fc.integer({ min: 0, max: 15 });
    const row = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(cell, cell, cell, fc.array(row, { minLength: 4, maxLength: 4 }), (agent, key, door, visited) => {
        const unseen = (cell: number) => !isVisited(visited, 4, cell);
        fc.pre(isVisited(visited, 4, agent) && unseen(key) && unseen(door) && key !== door);
        const base: KeyDoorState = { size: 4, agent, key, door, carrying: false, visited };
        const others = Array.from({ length: 16 }, (_, i) => i).filter((i) => unseen(i) && i !== key);
        for (const other of others) expect(memory({ ...base, door: other })).toBe(memory(base));
        expect(seenPart(base)).toMatchObject({ key: undefined, door: undefined });
      }),
    );
  });
});

describe('the facts of KeyDoor', () => {
  it('are what the memory says of key and door once both were seen', () => {
    const state: KeyDoorState = { size: 4, agent: 5, key: 12, door: 3, carrying: false, visited: [15, 15, 15, 15] };
    const lines = memory(state).split('\n');
    expect(Object.keys(facts(state))).toEqual(['key', 'door']);
    for (const line of Object.values(facts(state))) expect(lines).toContain(line);
    expect(Object.keys(facts({ ...state, carrying: true }))).toEqual(['door']);
  });
});

describe('the situation of KeyDoor', () => {
  it('decides with the replies alone how the game goes on', () => {
    const known = new Map<string, string>();
    const environment = make({ size: 2, max_steps: 40 });
    const random = stream(3);
    for (let seed = 0; seed < 200; seed++) {
      environment.reset(seed);
      for (let turn = 0; turn < 30; turn++) {
        const action = reply(['up', 'down', 'left', 'right', 'interact'][random.nextInt(5)]!);
        const at = `${environment.situation} ${action}`;
        const step = environment.step(action);
        const led = JSON.stringify([step, environment.situation]);
        expect(known.get(at) ?? led).toBe(led);
        known.set(at, led);
        if (step.terminated) break;
      }
    }
    expect(known.size).toBeGreaterThan(100);
  });
});

describe('the players of KeyDoor', () => {
  it('waste no action: each moves, takes the key or opens the door', () => {
    for (const name of ['expert', 'omniscient', 'tour'] as const) {
      const environment = make();
      const expert = keyDoor.experts[name]!(configOf());
      for (let seed = 0; seed < 100; seed++) {
        environment.reset(seed);
        for (;;) {
          const before = environment.state;
          const step = environment.step(expert.act(environment, stream(seed)));
          if (step.terminated) break;
          const after = environment.state;
          expect(distance(before.agent, after.agent, 4) === 1 || after.carrying !== before.carrying).toBe(true);
        }
      }
    }
  });
});
