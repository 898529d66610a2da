import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_WATCH, MOST_EPISODES, readWatchLink, watchLink } from './watch-link.ts';

const setting = fc.record({
  game: fc.record({
    environment: fc.constant('tic_tac_toe'),
    config: fc.record(
      { opponent: fc.constantFrom('random', 'minimax'), max_steps: fc.integer({ min: 1, max: 99 }) },
      { requiredKeys: [] },
    ),
    history: fc.constantFrom('NO_HISTORY', 'SCRATCHPAD'),
  }),
  policy: fc.oneof(
    fc.record({ kind: fc.constant('scripted'), name: fc.constantFrom('random', 'minimax') }),
    fc.record({
      kind: fc.constant('model'),
      name: fc.string({ minLength: 1 }).filter((name) => !/[\r\n\u2028\u2029]/.test(name) && name.isWellFormed()),
      device: fc.constantFrom('auto', 'cpu', 'webgpu'),
      temperature: fc.double({ min: 0, max: 100, noNaN: true }).map((value) => value + 0),
      maxCompletionLength: fc.integer({ min: 1, max: 1e6 }),
    }),
  ),
  seed: fc.maxSafeNat(),
  episode: fc.nat(MOST_EPISODES - 1),
});

it('comes back from its address', () => {
  fc.assert(
    fc.property(setting, (given) => {
      expect(readWatchLink(watchLink(given as typeof DEFAULT_WATCH))).toEqual(given);
    }),
  );
});

it('is as in a new form where the address is silent, and nothing where it is of another view', () => {
  expect(readWatchLink('#watch?')).toEqual(DEFAULT_WATCH);
  for (const hash of ['', '#watch', '#evaluate?game=key_door', '#watching?seed=1'])
    expect(readWatchLink(hash)).toBeUndefined();
});

it('says which part of an address cannot be used', () => {
  const wrong = {
    'game=chess': 'game',
    'config={': 'config',
    'config={"opponent":"me"}': 'opponent',
    'seed=-1': 'seed',
    'episode=0.5': 'episode',
    'policy=nano': 'policy',
    'policy=scripted:tour': 'policy',
    'policy=scripted:constructor': 'policy',
    'policy=model:nano&temperature=hot': 'temperature',
    'policy=model:nano&device=tpu': 'device',
    'history=ALL': 'history',
  };
  for (const [words, name] of Object.entries(wrong))
    expect(() => readWatchLink(`#watch?${words}`), words).toThrow(name);
});
