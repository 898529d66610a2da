import { afterEach, expect, it, vi } from 'vitest';
import { RequestsFirst } from './requests-first.ts';

afterEach(() => vi.restoreAllMocks());

/** A clock that the test sets. */
function clock() {
  const time = { now: 0 };
  vi.spyOn(performance, 'now').mockImplementation(() => time.now);
  return time;
}

it('lets a job go on at once while there are no requests', async () => {
  const turns = new RequestsFirst();
  await turns.turn();
  await turns.during(async () => 'answered');
  await turns.turn();
});

it('has a job wait until the last request has its answer, with an error or without', async () => {
  const time = clock();
  const turns = new RequestsFirst();
  const order: string[] = [];
  const request = Promise.withResolvers<void>();
  const failing = Promise.withResolvers<void>();
  const first = turns.during(() => request.promise).then(() => order.push('request'));
  const second = turns.during(() => failing.promise).catch(() => order.push('failure'));
  turns.jobBegins();
  // It begins at once: it has not had any time yet.
  await turns.turn();
  // A run so long that its rest outlasts this test.
  time.now += 1_000_000;
  const turn = turns.turn().then(() => order.push('job'));
  request.resolve();
  await first;
  failing.reject(new Error('of a test'));
  await Promise.all([second, turn]);
  expect(order).toEqual(['request', 'failure', 'job']);
});

it('lets a job go on after a rest while requests never end', async () => {
  const time = clock();
  const turns = new RequestsFirst();
  void turns.during(() => new Promise(() => {}));
  for (let run = 0; run < 3; run++) {
    time.now += 1;
    await turns.turn();
  }
});

it('does not count the time before a job began as its own', async () => {
  const time = clock();
  const turns = new RequestsFirst();
  await turns.turn();
  time.now += 1_000_000;
  void turns.during(() => new Promise(() => {}));
  turns.jobBegins();
  await turns.turn();
});
