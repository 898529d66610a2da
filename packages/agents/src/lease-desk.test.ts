// Leases on a clock that the test moves.

import { expect, it } from 'vitest';
import type { AgentContext } from './agent.ts';
import { LeaseDesk, type LeaseTimes } from './lease-desk.ts';

/** Its timers run when time reaches them, in their order. */
function handClock() {
  let now = 0;
  let timers: { readonly at: number; readonly act: () => void }[] = [];
  const pass = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      timers = timers.filter((one) => one !== next);
      now = next.at;
      next.act();
    }
    now = end;
  };
  const after = (ms: number, act: () => void) => {
    const timer = { at: now + ms, act };
    timers.push(timer);
    return () => {
      timers = timers.filter((one) => one !== timer);
    };
  };
  return { clock: { now: () => now, after }, pass, timers: () => timers.length };
}

let made = 0;
const contextOf = (seed: number, signal = new AbortController().signal): AgentContext => ({
  task: `task ${seed}`,
  baseURL: 'http://localhost/v1',
  apiKey: 'key',
  rolloutId: `rollout ${++made}`,
  seed,
  dynamicsSeed: seed,
  signal,
});

function desk(times: Partial<LeaseTimes> = {}, attempts = 3) {
  const { clock, pass, timers } = handClock();
  const one = new LeaseDesk({ idleMs: 100, longestMs: 1000, ...times }, attempts, clock);
  /** @returns how the rollout ends: what it earned, or why it failed */
  const offer = (context: AgentContext) =>
    one.agent(context).then(
      (result) => result,
      (error: Error) => error.message,
    );
  return { desk: one, offer, pass, timers };
}

it('hands rollouts out in the order in which they came, each once', async () => {
  const { desk: one, offer } = desk();
  const contexts = [contextOf(1), contextOf(2)];
  for (const context of contexts) void offer(context);
  expect((await one.take(0))?.context).toBe(contexts[0]);
  expect((await one.take(0))?.context).toBe(contexts[1]);
  expect(await one.take(0)).toBeUndefined();
});

it('lets agents wait for a rollout, for so long and as long as they are there', async () => {
  const { desk: one, offer, pass, timers } = desk();
  const gone = new AbortController();
  const [left, first, second] = [one.take(50, gone.signal), one.take(50), one.take(50)];
  gone.abort();
  expect(await left).toBeUndefined();
  const context = contextOf(1);
  void offer(context);
  expect((await first)?.context).toBe(context);
  pass(50);
  expect(await second).toBeUndefined();
  expect(await one.take(50, AbortSignal.abort())).toBeUndefined();
  // That of the lease.
  expect(timers()).toBe(1);
});

it('adds rewards up, and counts each id once, also after the end', async () => {
  const { desk: one, offer } = desk();
  const context = contextOf(1);
  const end = offer(context);
  await one.take(0);
  const id = context.rolloutId;
  expect(one.reward(id, { id: 'a', reward: 1, metrics: { tools: 2 } })).toBe('counted');
  expect(one.reward(id, { id: 'a', reward: 1 })).toBe('repeated');
  expect(one.reward(id, { id: 'b', reward: 0.5 })).toBe('counted');
  expect(one.reward(id, { id: 'c', reward: 3, turn: 1 })).toBe('counted');
  expect(one.finish(id, 'd')).toBe('finished');
  expect(one.finish(id, 'd')).toBe('repeated');
  expect(one.finish(id, 'e', 'late')).toBe('over');
  expect(one.reward(id, { id: 'a', reward: 1 })).toBe('repeated');
  expect(one.reward(id, { id: 'f', reward: 1 })).toBe('over');
  expect(await end).toEqual({ reward: 1.5, turnRewards: [0, 3], metrics: { tools: 2 } });
});

it('gives a rollout up of whose agent nothing is heard, and every request prolongs it', async () => {
  const { desk: one, offer, pass } = desk();
  const context = contextOf(1);
  const end = offer(context);
  // While it waits for an agent it has all the time.
  pass(10_000);
  expect((await one.take(0))?.expiresAt).toBe(10_100);
  pass(99);
  one.hold(context.rolloutId)!();
  pass(99);
  one.reward(context.rolloutId, { id: 'a', reward: 1 });
  pass(99);
  expect(one.hold(context.rolloutId)).toBeDefined();
  // The policy may take its time.
  pass(500);
  expect(one.reward(context.rolloutId, { id: 'b', reward: 1 })).toBe('counted');
  pass(1000);
  expect(one.hold(context.rolloutId)).toBeUndefined();
  expect(await end).toBe('its agent took too long');
});

it('gives it up after the longest time, however much is heard', async () => {
  const { desk: one, offer, pass } = desk();
  const context = contextOf(1);
  const end = offer(context);
  await one.take(0);
  for (let i = 0; i < 30; i++) {
    pass(50);
    one.hold(context.rolloutId)?.();
  }
  expect(await end).toBe('its agent took too long');
});

it('counts the attempts at a rollout, which a success or the last of them ends', async () => {
  const { desk: one, offer, pass } = desk();
  const attempts: (number | undefined)[] = [];
  const ends: unknown[] = [];
  const attempt = async (act: (id: string) => void) => {
    const context = contextOf(7);
    const end = offer(context);
    attempts.push((await one.take(0))?.attempt);
    act(context.rolloutId);
    ends.push(await end);
  };
  await attempt(() => pass(100));
  await attempt((id) => one.finish(id, 'a', 'a tool broke'));
  await attempt((id) => one.finish(id, 'a'));
  for (let i = 0; i < 4; i++) await attempt(() => pass(100));
  expect(attempts).toEqual([1, 2, 3, 1, 2, 3, 1]);
  expect(ends.slice(0, 3)).toEqual([
    'nothing was heard of its agent any more',
    'a tool broke',
    { reward: 0, turnRewards: [], metrics: {} },
  ]);
});

it('forgets a rollout that nothing waits for, and closes', async () => {
  const { desk: one, offer, timers } = desk();
  const controller = new AbortController();
  const dropped = offer(contextOf(1, controller.signal));
  controller.abort(new Error('over'));
  expect(await dropped).toBe('over');
  const leased = contextOf(2);
  const [out, waits] = [offer(leased), offer(contextOf(3))];
  expect((await one.take(0))?.context).toBe(leased);
  const taker = one.take(0);
  one.close();
  await taker;
  expect([await out, await waits, await offer(contextOf(4))]).toEqual(Array(3).fill('no more rollouts are handed out'));
  expect(await one.take(50)).toBeUndefined();
  expect(timers()).toBe(0);
});
