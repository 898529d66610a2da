// Games that answer later: the same episodes as at once, whichever is ready first.

import {
  type Environment,
  type EnvironmentDefinition,
  findEnvironment,
  resolveConfig,
  type SyncEnvironment,
} from '@ludic/environments';
import { type Policy, scriptedPolicy } from '@ludic/policies';
import { stream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { evaluate, evaluationStarts, playEpisodes, replay } from '../index.ts';

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, {});
const history = 'FULL_HISTORY' as const;
const starts = evaluationStarts(0, 64);
const player = () => scriptedPolicy('random', () => definition.experts.random(config));

/** How the games were called. */
interface Log {
  running: number;
  mostRunning: number;
  closed: number;
}

type Calls = Partial<Pick<Environment, 'reset' | 'step' | 'close'>>;

/** An environment of the game with other functions, which may call the first ones. */
function around(given: unknown, change: (game: Pick<SyncEnvironment, 'reset' | 'step'>) => Calls): Environment {
  const game = definition.create(given) as SyncEnvironment;
  return Object.assign(game, change({ reset: game.reset.bind(game), step: game.step.bind(game) }) as object);
}

/** The game, whose environments answer after a few turns of the event loop, each after another number of them. */
function slow(log: Log = { running: 0, mostRunning: 0, closed: 0 }, wait = (ms: number) => ms): EnvironmentDefinition {
  const random = stream('slow');
  const later = async <T>(answer: () => T): Promise<T> => {
    log.mostRunning = Math.max(log.mostRunning, ++log.running);
    await new Promise((resolve) => setTimeout(resolve, wait(random.nextInt(10))));
    log.running--;
    return answer();
  };
  return {
    ...definition,
    create: (given) =>
      around(given, (game) => ({
        reset: (seed, options) => later(() => game.reset(seed, options)),
        step: (reply) => later(() => game.step(reply)),
        close: () => later(() => void log.closed++),
      })),
  };
}

/** A policy, and the numbers of prompts that it was asked at once. */
function counted(): Policy & { readonly batches: number[] } {
  const inner = player();
  const batches: number[] = [];
  return {
    ...inner,
    batches,
    act(prompts, options) {
      batches.push(prompts.length);
      return inner.act(prompts, options);
    },
  };
}

const spec = (environment: EnvironmentDefinition) => ({ environment, config, history });
const right = await playEpisodes({ ...spec(definition), policy: player(), starts });

describe('a game that answers later', () => {
  it.each([false, true])('gives the episodes of the game that answers at once (lockstep %s)', async (lockstep) => {
    const log = { running: 0, mostRunning: 0, closed: 0 };
    const policy = counted();
    expect(await playEpisodes({ ...spec(slow(log)), policy, starts, lockstep })).toEqual(right);
    expect(log.mostRunning).toBe(64);
    expect(log.closed + log.running).toBe(64);
    const together = counted();
    await playEpisodes({ ...spec(definition), policy: together, starts });
    if (lockstep) expect(policy.batches).toEqual(together.batches);
    else expect(policy.batches.length).toBeGreaterThan(together.batches.length);
  });

  it('is evaluated to the same numbers', async () => {
    const wanted = { policy: player(), episodes: 100, seed: 3, batchSize: 30 };
    const at = (environment: EnvironmentDefinition) => evaluate({ ...spec(environment), ...wanted });
    expect(await at(slow())).toEqual(await at(definition));
  });

  it('does not keep others from ending while one waits', async () => {
    const endings: number[] = [];
    let waited: (() => void) | undefined;
    const held: EnvironmentDefinition = {
      ...definition,
      create: (given) =>
        around(given, (game) => {
          let isHeld = false;
          return {
            reset(seed, options) {
              isHeld = seed === starts[0]!.seed;
              return game.reset(seed, options);
            },
            async step(reply) {
              if (isHeld && endings.length < 63) await new Promise<void>((resolve) => (waited = resolve));
              const step = game.step(reply);
              // Each game tells of its end; the one that waits goes on when all others have ended.
              if (step.terminated || step.truncated) endings.push(isHeld ? 0 : 1);
              if (endings.length >= 63) waited?.();
              return step;
            },
          };
        }),
    };
    await playEpisodes({ ...spec(held), policy: player(), starts });
    expect(endings).toHaveLength(64);
    expect(endings.at(-1)).toBe(0);
  });

  it.each([false, true])('is left at once when the signal says so (lockstep %s)', async (lockstep) => {
    const never: EnvironmentDefinition = {
      ...definition,
      create: (given) => Object.assign(definition.create(given), { step: () => new Promise<never>(() => {}) }),
    };
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 50);
    const played = playEpisodes({
      ...spec(never),
      policy: player(),
      starts,
      lockstep,
      signal: controller.signal,
    });
    await expect(played).rejects.toThrow('enough');
  });

  it.each([false, true])('ends with what the policy rejects with, and is closed (lockstep %s)', async (lockstep) => {
    const log = { running: 0, mostRunning: 0, closed: 0 };
    let acts = 0;
    const inner = player();
    const failing: Policy = {
      ...inner,
      act: async (prompts) => (acts++ < 2 ? inner.act(prompts) : Promise.reject(new Error('no model'))),
    };
    await expect(playEpisodes({ ...spec(slow(log)), policy: failing, starts, lockstep })).rejects.toThrow('no model');
    await expect.poll(() => log.closed).toBe(64);
  });

  it('is not replayed at once, and says so', () => {
    const replayed = replay({ ...spec(slow()), start: starts[0]!, replies: ['<move>1</move>'] });
    expect(replayed).toMatchObject({
      endReason: 'failed',
      error: expect.stringContaining('answers later'),
      frames: [],
    });
  });
});
