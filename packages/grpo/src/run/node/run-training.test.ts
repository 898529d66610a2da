import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { registerPlugin } from '../../plugins/plugin.ts';
import { DEFAULT_TRAINING } from '../../settings/train-settings.ts';
import type { RunEvent } from '../run-options.ts';
import { assertForWorkers, eventQueue } from './run-training.ts';

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

it('has no workers for a history or a loss that is in no file; advantages are not theirs', () => {
  const settings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe' };
  const loss = { surrogate: 'clipped', averaging: 'batch' } as const;
  registerPlugin({ losses: { here: loss }, advantages: { here: () => [] } });
  registerPlugin({ losses: { there: loss } }, { file: '/mine.ts', sha256: 'abc' });
  const needs = (lossType: string, advantageEstimator = 'here') =>
    assertForWorkers({ ...settings, advantageEstimator, loss: { ...settings.loss, lossType } });
  needs('dapo');
  needs('there');
  expect(() => needs('here')).toThrow('The loss here is known to this process alone: put it into a file');
});
