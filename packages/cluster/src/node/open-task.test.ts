// What a coordinator makes of reports: who has a task, when it has failed, when it is given up.

import { describe, expect, it } from 'vitest';
import type { WorkerReport } from './messages.ts';
import { PROTOCOL } from './names.ts';
import { OpenTask } from './open-task.ts';

const report = (id: string, body: WorkerReport['body'], delivery = 1): WorkerReport => ({
  protocol: PROTOCOL,
  task: '1.1.play',
  worker: { id, host: `host-${id}`, pid: 7 },
  delivery,
  body,
});
const task = () => new OpenTask('Shard 2 of step 5', new Map());
const taken = { type: 'taken' } as const;
const answer = { type: 'answer', size: 2, gradients: {} } as const;
const part = (byte: number) => ({
  type: 'part' as const,
  pieces: [{ of: '', at: 0, bytes: Uint8Array.of(byte, byte) }],
});
const failure = (message: string, code?: string): WorkerReport['body'] => ({
  type: 'failure',
  error: { name: 'GrpoError', message, explained: code !== undefined, ...(code !== undefined && { code }) },
});

describe('an open task', () => {
  it('is answered by the worker that lost it, if that is first', () => {
    const open = task();
    open.hear(report('a', taken));
    open.hear(report('a', part(1)));
    expect(open.hear(report('b', taken, 2))).toMatchObject({ type: 'lost', worker: { id: 'a' } });
    open.hear(report('b', part(2), 2));
    expect(open.hear(report('a', answer))).toMatchObject({ type: 'answered', answer: { body: Uint8Array.of(1, 1) } });
  });

  it('never mixes the pieces of two workers', () => {
    const open = task();
    open.hear(report('a', part(1)));
    expect(open.hear(report('b', answer))).toMatchObject({ type: 'refused' });
  });

  it('is given up after three failures, with the last reason', () => {
    const open = task();
    for (const id of ['a', 'b', 'c']) {
      expect(open.end).toBe(undefined);
      open.hear(report(id, taken));
      expect(open.hear(report(id, failure(`broke on ${id}`)))).toMatchObject({ type: 'failed' });
    }
    expect(open.end).toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(
        /^Shard 2 of step 5 was given up: it failed 3 times; .* on host-c, broke on c\. The/,
      ),
    });
  });

  it('ends with what all workers have met, as one process would', () => {
    const open = task();
    for (const id of ['a', 'b', 'c']) open.hear(report(id, failure('The gradient is not finite.', 'not_finite')));
    expect(open.end).toMatchObject({ name: 'GrpoError', code: 'not_finite', message: 'The gradient is not finite.' });
  });

  it('does not count workers that leave it to others', () => {
    const open = task();
    for (let i = 0; i < 9; i++) {
      open.hear(report('a', taken, i + 1));
      expect(open.isTaken).toBe(true);
      open.hear(report('a', { type: 'left', reason: 'it does not know the game' }, i + 1));
      expect(open.isTaken).toBe(false);
    }
    expect(open.end).toBe(undefined);
  });
});
