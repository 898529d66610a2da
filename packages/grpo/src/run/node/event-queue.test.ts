import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunEvent } from '../run-events.ts';
import { eventQueue } from './event-queue.ts';

const checkpoint = (step: number): RunEvent => ({ type: 'checkpoint', step });

it('tells events in order, and waits for a listener that takes its time', async () => {
  const told: string[] = [];
  const tell = eventQueue(async (event) => {
    const { step } = event as { step: number };
    told.push(`begins ${step}`);
    await sleep(step === 1 ? 20 : 1);
    told.push(`ends ${step}`);
  });
  void tell(checkpoint(1));
  await tell(checkpoint(2));
  expect(told).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2']);
});

it('ends what tells next with the failure of a listener', async () => {
  const tell = eventQueue(({ type }) => {
    if (type === 'worker_started') throw new Error('my own message');
  });
  void tell({ type: 'worker_started', pid: 1 });
  await sleep(1);
  await expect(tell(checkpoint(1))).rejects.toThrow('my own message');
});
