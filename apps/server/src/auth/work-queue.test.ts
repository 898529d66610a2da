import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

/** Work that ends when it is told to. */
function held(rank = 1, cost = 1) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const work = {
    rank,
    cost,
    begun: false,
    end: resolve,
    fail: reject,
    run: () => {
      work.begun = true;
      return promise;
    },
  };
  return work;
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the queue', () => {
  it('runs so many at once, in the order of their coming', async () => {
    const queue = new WorkQueue(2, 10);
    const works = [held(), held(), held(), held()];
    const offers = works.map((work) => queue.add(work)!);
    expect(works.map(({ begun }) => begun)).toEqual([true, true, false, false]);
    works[1]!.end('second');
    expect(await offers[1]!.outcome).toEqual({ kind: 'done', value: 'second' });
    await settled();
    expect(works.map(({ begun }) => begun)).toEqual([true, true, true, false]);
    expect(queue).toMatchObject({ running: 2, waiting: 1 });
  });

  it('goes on after work that failed', async () => {
    const queue = new WorkQueue(1, 10);
    const [first, second] = [held(), held()];
    const offer = queue.add(first)!;
    queue.add(second);
    first.fail(new Error('broken'));
    await expect(offer.outcome).rejects.toThrow('broken');
    expect(second.begun).toBe(true);
  });

  it('takes the newest first when it is long, and the oldest again when it is short', async () => {
    const queue = new WorkQueue(1, 8);
    const works = Array.from({ length: 6 }, () => held());
    for (const work of works) queue.add(work);
    const order: number[] = [];
    for (let at = 0; at < works.length; ) {
      order.push(at);
      works[at]!.end('');
      await settled();
      at = works.findIndex(({ begun }, index) => begun && !order.includes(index));
      if (at < 0) break;
    }
    expect(order).toEqual([0, 5, 4, 3, 1, 2]);
  });

  it('has room for so much cost, which the oldest makes; alone a thing may cost more', async () => {
    const queue = new WorkQueue(1, 10);
    queue.add(held());
    const [costly, ...small] = [50, 1, 6, 4].map((cost) => queue.add(held(1, cost))!);
    expect(await costly!.outcome).toEqual({ kind: 'dropped' });
    expect(await small[0]!.outcome).toEqual({ kind: 'dropped' });
    expect(queue).toMatchObject({ waiting: 2, waitingCost: 10 });
  });

  it('lets better ranks go first, and never drops a better rank for a worse', async () => {
    const queue = new WorkQueue(1, 3);
    const running = held();
    queue.add(running);
    const works = [held(2), held(1), held(2)];
    const offers = works.map((work) => queue.add(work)!);
    const best = held(0);
    expect(queue.add(best)).toBeDefined();
    expect(await offers[0]!.outcome).toEqual({ kind: 'dropped' });
    expect(queue.add(held(0))).toBeDefined();
    expect(await offers[2]!.outcome).toEqual({ kind: 'dropped' });
    expect(queue.add(held(2))).toBeUndefined();
    running.end('');
    await settled();
    expect(works[1]!.begun).toBe(false);
    expect(queue.waiting).toBe(2);
  });

  it('forgets work that is withdrawn before it began', async () => {
    const queue = new WorkQueue(1, 3);
    const [first, second] = [held(), held()];
    const running = queue.add(first)!;
    const waiting = queue.add(second)!;
    expect(running.withdraw()).toBe(false);
    expect(waiting.withdraw()).toBe(true);
    expect(waiting.withdraw()).toBe(false);
    expect(await waiting.outcome).toEqual({ kind: 'dropped' });
    first.end('');
    await settled();
    expect(second.begun).toBe(false);
  });

  it('never holds more than its room, and settles every offer', async () => {
    const job = fc.record({ rank: fc.nat(2), cost: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (jobs, concurrency) => {
        const queue = new WorkQueue(concurrency, 12);
        const outcomes = jobs.flatMap(({ rank, cost }) => {
          const offer = queue.add({ rank, cost, run: settled });
          expect(queue.running).toBeLessThanOrEqual(concurrency);
          expect(queue.waitingCost).toBeLessThanOrEqual(12);
          return offer ? [offer.outcome] : [];
        });
        await Promise.all(outcomes);
        expect(queue).toMatchObject({ running: 0, waiting: 0 });
      }),
    );
  });
});
