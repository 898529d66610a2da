import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunEvent } from '../run-options.ts';
import { eventQueue } from './run-training.ts';

const checkpoint = (step: number): RunEvent => ({ type: 'checkpoint', step });

it('emits events in order, and waits for a listener that takes its time', async () => {
  const seen: string[] = [];
  const emit = eventQueue(async (event) => {
    const { step } = event as { step: number };
    seen.push(`begins ${step}`);
    await sleep(step === 1 ? 20 : 1);
    seen.push(`ends ${step}`);
  });
  void emit(checkpoint(1));
  await emit(checkpoint(2));
  expect(seen).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2']);
});

it('ends the next event with the failure of a listener', async () => {
  const emit = eventQueue(({ type }) => {
    if (type === 'worker_started') throw new Error('my own message');
  });
  void emit({ type: 'worker_started', pid: 1 });
  await sleep(1);
  await expect(emit(checkpoint(1))).rejects.toThrow('my own message');
});
