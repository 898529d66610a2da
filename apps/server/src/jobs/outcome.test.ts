// What becomes of jobs whose processes have ended.

import { describe, expect, it } from 'vitest';
import { type AttemptEnd, MAX_CONSECUTIVE_FAILURES, outcomeOf, outcomeOfLost } from './outcome.ts';
import type { JobFields } from './store/job-store.ts';

const JOB = { status: 'running', total_steps: 10, consecutiveFailures: 0, failureCheckpoint: -1 } as JobFields;
const ending = (more: Partial<AttemptEnd>): AttemptEnd => ({
  exit: { code: null, signal: 'SIGKILL' },
  report: undefined,
  stopReason: undefined,
  lastWords: '',
  checkpoint: -1,
  ...more,
});
const on = (more: Partial<AttemptEnd>, job: Partial<JobFields> = {}) =>
  outcomeOf({ ...JOB, ...job }, ending(more), 5000);

describe('the outcome of a job', () => {
  it('is completed when it finished, whatever else was asked for', () => {
    for (const stopReason of ['cancel', 'timeout', 'stop', undefined] as const) {
      const report = { type: 'ended', status: 'finished', result: { steps: 10 } } as const;
      expect(on({ report, stopReason }).fields).toMatchObject({ status: 'completed', step: 10, result: { steps: 10 } });
    }
  });

  it('is cancelled when that was asked for, also where its process died by itself', () => {
    expect(on({}, { cancelling: true }).fields.status).toBe('cancelled');
    const report = { type: 'ended', status: 'finished', result: null } as const;
    expect(on({ report }, { cancelling: true }).fields.status).toBe('completed');
  });

  it('tries a job whose game does not come back once more, and then names the game', () => {
    const stuck =
      'step of key_door at turn 3 (seed 5, dynamics seed 9) has not come back for 60 seconds, so its process was ended.';
    const lastWords = `step 4: reward 0.5\n${stuck}\n`;
    const first = on({ lastWords });
    expect(first.fields).toMatchObject({ status: 'queued', reason: expect.stringContaining(stuck) });
    const { fields } = on({ lastWords }, first.fields);
    expect(fields).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/dynamics seed 9.* can be resumed/),
    });
  });

  it('counts deaths between checkpoints, and begins anew at each new one', () => {
    const checkpoints = [-1, 0, 0, 2, 2, 3, 3, 3];
    let job = JOB;
    const states = checkpoints.map((checkpoint) => {
      const { fields, pause } = outcomeOf(job, ending({ checkpoint }), 0);
      job = { ...job, ...fields };
      return [fields.status, fields.consecutiveFailures, pause];
    });
    expect(states).toEqual([
      ['queued', 1, 1],
      ['queued', 1, 1],
      ['queued', 2, 2],
      ['queued', 1, 1],
      ['queued', 2, 2],
      ['queued', 1, 1],
      ['queued', 2, 2],
      ['failed', MAX_CONSECUTIVE_FAILURES, 0],
    ]);
  });

  it.each<[Partial<AttemptEnd>, RegExp]>([
    [{}, /from outside \(SIGKILL\), as the system does when memory runs out.* from the beginning/],
    [{ checkpoint: 7 }, /from the checkpoint of step 7/],
    [{ exit: { code: null, signal: 'SIGSEGV' } }, /ended by SIGSEGV; its log/],
    [
      { exit: { code: null, signal: 'SIGABRT' }, lastWords: 'FATAL: JavaScript heap out of memory' },
      /ran out of memory/,
    ],
    [{ exit: { code: 1, signal: null } }, /ended with code 1/],
    [{ exit: { code: null, signal: null, error: 'spawn EAGAIN' } }, /could not be started: spawn EAGAIN/],
    [{ stopReason: 'silent' }, /no sign of life/],
  ])('%j is another attempt, and says why', (more, reason) => {
    const { fields } = on(more);
    expect(fields).toMatchObject({ status: 'queued', consecutiveFailures: 1 });
    expect(fields.reason).toMatch(reason);
  });

  it.each<[Partial<AttemptEnd>, string, RegExp]>([
    [{ report: { type: 'failed', reason: 'The disk is full.' } }, 'failed', /^The disk is full\.$/],
    [
      { report: { type: 'failed', reason: 'The disk is full.' }, stopReason: 'cancel' },
      'cancelled',
      /could not save: The disk/,
    ],
    [
      { report: { type: 'ended', status: 'interrupted', result: null }, stopReason: 'cancel', checkpoint: 3 },
      'cancelled',
      /saved at step 3/,
    ],
    [{ stopReason: 'cancel', checkpoint: 3 }, 'cancelled', /was killed; its last checkpoint is of step 3/],
    [{ stopReason: 'timeout', checkpoint: 3 }, 'failed', /5 s that a job may take.*killed.*can be resumed/],
    [{ stopReason: 'stop' }, 'queued', /goes on when the server does/],
    [{ report: { type: 'ended', status: 'interrupted', result: null } }, 'queued', /Another program/],
  ])('%j is %s without a strike', (more, status, reason) => {
    const { fields } = on(more);
    expect(fields.status).toBe(status);
    expect(fields.consecutiveFailures).toBeUndefined();
    expect(fields.reason).toMatch(reason);
  });
});

describe('the verdict on a job whose server was killed', () => {
  it('counts it as a death of the job, together with its own, and begins anew at each new checkpoint', () => {
    const deaths = ['server', 'server', 'job', 'server', 'server', 'job', 'server'] as const;
    const checkpoints = [-1, -1, 0, 0, 4, 4, 4];
    let job = JOB;
    const states = deaths.map((death, i) => {
      const checkpoint = checkpoints[i]!;
      const { fields } =
        death === 'server' ? outcomeOfLost(job, checkpoint) : outcomeOf(job, ending({ checkpoint }), 0);
      job = { ...job, ...fields };
      return [fields.status, fields.consecutiveFailures];
    });
    expect(states).toEqual([
      ['queued', 1],
      ['queued', 2],
      ['queued', 1],
      ['queued', 2],
      ['queued', 1],
      ['queued', 2],
      ['failed', MAX_CONSECUTIVE_FAILURES],
    ]);
    expect(job.reason).toMatch(/^The server was killed while it ran\. .* 3 times in a row .* can be resumed\.$/);
  });

  it('is another attempt at once, in its old place', () => {
    const { fields, pause } = outcomeOfLost({ ...JOB, seconds_left: 9 }, 2);
    expect(pause).toBe(0);
    expect(fields).toMatchObject({ status: 'queued', seconds_left: null });
    expect(fields.reason).toMatch(/tried again, from the checkpoint of step 2/);
  });

  it('counts nothing where the server was ending, and was killed before the job had saved', () => {
    const { fields } = outcomeOfLost({ ...JOB, stopping: true, consecutiveFailures: MAX_CONSECUTIVE_FAILURES - 1 }, -1);
    expect(fields).toEqual({ status: 'queued', reason: expect.stringMatching(/was stopped/), seconds_left: null });
  });

  it('is cancelled when that was asked for', () => {
    const { fields } = outcomeOfLost(
      { ...JOB, cancelling: true, consecutiveFailures: MAX_CONSECUTIVE_FAILURES - 1 },
      -1,
    );
    expect(fields).toEqual({ status: 'cancelled', reason: 'It was cancelled.', seconds_left: null });
  });
});
