// What kill -9 does to jobs and to their server: nothing is lost, nothing runs twice, and the bytes are those of an
// undisturbed run.

import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeLock } from '@ludic/io/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobServerProcess } from '../../testing/job-server-process.ts';
import { Bench, curveOf, ended, finalWeights, smallEvaluation, smallTraining, until } from '../../testing/jobs.ts';
import { databasePlace, jobLockPlace } from './places.ts';

const bench = new Bench();
let weights: Buffer;
let curve: object[];
beforeAll(async () => {
  const data = await bench.folder();
  const jobs = await bench.open(data);
  const { job } = await jobs.submitTraining(smallTraining('whole'), 'ada');
  await ended(jobs, job.job_id);
  weights = await finalWeights(data, 'whole');
  curve = await curveOf(data, 'whole');
}, 60_000);
afterAll(() => bench.clear());

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** What the server knows of a job and tells no client. */
function strikesOf(data: string, id: string): { readonly strikes: number; readonly stopping: boolean } {
  const database = new DatabaseSync(databasePlace(data), { readOnly: true });
  const row = database.prepare('SELECT record FROM jobs WHERE id = ?').get(id);
  database.close();
  return JSON.parse((row as { record: string }).record);
}

describe('a job whose process is killed', () => {
  // After so many events and so many milliseconds more: while it loads, inside a step, an evaluation, a checkpoint.
  it.each([
    [0, 300],
    [2, 120],
    [3, 15],
    [5, 40],
    [7, 90],
  ])('goes on after a kill %i events and %i ms into it, with the same bytes', async (events, delay) => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const { job } = await jobs.submitTraining(smallTraining('a'), 'ada');
    const pid = await until(() => jobs.pidOf(job.job_id));
    if (events > 0) {
      for await (const { seq } of jobs.events(job.job_id, 0, new AbortController().signal)) if (seq === events) break;
    }
    await sleep(delay);
    process.kill(pid, 'SIGKILL');
    const done = await ended(jobs, job.job_id);
    expect(done).toMatchObject({ status: 'completed', attempts: 2, step: 4 });
    expect(await curveOf(data, 'a')).toEqual(curve);
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
    expect(await jobs.logTail(job.job_id, 1000)).toMatch(/killed from outside .*memory/);
    const steps: unknown[] = [];
    for await (const { type, data } of jobs.events(job.job_id, 0, new AbortController().signal))
      if (type === 'step') steps.push((data as { step: number }).step);
    expect(steps).toEqual([1, 2, 3, 4]);
  });

  it('begins anew after a kill before its first checkpoint', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const { job } = await jobs.submitTraining(smallTraining('a'), 'ada');
    const pid = await until(() => jobs.pidOf(job.job_id));
    const run = join(data, 'models', 'a');
    await until(() => existsSync(join(run, 'run.lock')));
    process.kill(pid, 'SIGKILL');
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed', attempts: 2, step: 4 });
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
  });

  it('is given up after three deaths without a new checkpoint, and its log tells why', async () => {
    const jobs = await bench.open(await bench.folder());
    const { job_id: id } = await jobs.submitEvaluation(smallEvaluation({ eval_episodes: 100_000 }), 'ada');
    const pids = new Set<number>();
    while (pids.size < 3) {
      const pid = await until(() => jobs.pidOf(id));
      if (!pids.has(pid)) process.kill(pid, 'SIGKILL');
      pids.add(pid);
      await sleep(5);
    }
    const done = await ended(jobs, id);
    expect(done).toMatchObject({ status: 'failed', attempts: 3 });
    expect(done.reason).toMatch(/memory.* 3 times in a row/);
    const log = await jobs.logTail(id, 1000);
    expect(log.match(/Attempt \d begins/g)).toHaveLength(3);
    expect(log.match(/tried again, from the beginning/g)).toHaveLength(2);
    expect(log).toContain(done.reason);
  });
});

describe('a job whose process hangs', () => {
  it('is killed after a long silence and tried again', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data, { silenceMs: 10_000 });
    const { job } = await jobs.submitTraining(smallTraining('a'), 'ada');
    await until(() => jobs.get(job.job_id).step > 0);
    process.kill(jobs.pidOf(job.job_id)!, 'SIGSTOP');
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await jobs.logTail(job.job_id, 1000)).toMatch(/no sign of life/);
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
  });

  it('is killed after the grace where it was cancelled, and keeps its last checkpoint', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data, { graceMs: 300 });
    const { job } = await jobs.submitTraining(smallTraining('a'), 'ada');
    await until(() => jobs.get(job.job_id).step > 1);
    process.kill(jobs.pidOf(job.job_id)!, 'SIGSTOP');
    await jobs.cancel(job.job_id);
    const done = await ended(jobs, job.job_id);
    expect(done).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(done.reason).toMatch(/did not end in time and was killed; its last checkpoint is of step \d/);
    await jobs.resume(job.job_id);
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
  });
});

describe('a server that is killed', () => {
  it('takes its jobs up again; the process that it left has ended before the next one works', async () => {
    const data = await bench.folder();
    const first = await JobServerProcess.start(data);
    const { job_id: id } = await first.train(smallTraining('a', { max_steps: 6, eval_episodes: 400 }));
    const { job_id: waiting } = await first.evaluate(smallEvaluation());
    const orphan = await until(async () => (await first.list()).find(({ job_id, step }) => job_id === id && step > 0));
    await first.kill();
    const second = await JobServerProcess.start(data);
    const next = await until(async () => (await second.list()).find(({ pid }) => pid !== null));
    expect(next.job_id).toBe(id);
    expect(next.pid).not.toBe(orphan.pid);
    // While the old one lives, the new one does nothing but wait.
    const log = join(data, 'jobs', id, 'log.txt');
    const begun = await until(async () => /Going on from/.test(await readFile(log, 'utf8')) && !isAlive(orphan.pid!));
    expect(begun).toBe(true);
    const all = await until(async () => {
      const jobs = await second.list();
      return jobs.every(({ status }) => status === 'completed') && jobs;
    });
    expect(all.map(({ job_id }) => job_id).sort()).toEqual([id, waiting].sort());
    const lines = (await readFile(log, 'utf8')).split('\n');
    const saved = lines.findIndex((line) => line.includes('The server is gone'));
    expect(saved).toBeGreaterThan(0);
    expect(lines.findIndex((line) => line.includes('Going on from'))).toBeGreaterThan(
      lines.findIndex((line) => line.endsWith(' Saved.')),
    );
    await second.end();
    const jobs = await bench.open(data);
    const steps: number[] = [];
    for await (const { type, data: told } of jobs.events(id, 0, new AbortController().signal))
      if (type === 'step') steps.push((told as { step: number }).step);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('finds a job completed whose process finished without it, and has the same bytes', async () => {
    const data = await bench.folder();
    const server = await JobServerProcess.start(data);
    const { job_id: id } = await server.train(smallTraining('a'));
    await until(async () => (await server.list()).some(({ step }) => step === 4));
    await until(() => readFile(join(data, 'models', 'a', 'final', 'result.json')).catch(() => undefined));
    await server.kill();
    const jobs = await bench.open(data);
    const done = await ended(jobs, id);
    expect(done).toMatchObject({ status: 'completed', step: 4 });
    expect(done.result).toMatchObject({ steps: 4, evaluation: { total_episodes: 16 } });
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
    expect(await curveOf(data, 'a')).toEqual(curve);
  });

  it('does not take up for ever what runs at each of its deaths', async () => {
    const data = await bench.folder();
    let server = await JobServerProcess.start(data);
    const { job_id: id } = await server.evaluate(smallEvaluation({ eval_episodes: 100_000 }));
    const { job_id: waiting } = await server.evaluate(smallEvaluation());
    for (let death = 1; death <= 3; death++) {
      await until(async () => (await server.list()).some(({ job_id, pid }) => job_id === id && pid !== null));
      await server.kill();
      if (death < 3) server = await JobServerProcess.start(data);
    }
    const jobs = await bench.open(data);
    const lost = jobs.get(id);
    expect(lost).toMatchObject({ status: 'failed', attempts: 3, ended_at: expect.any(String) });
    expect(lost.reason).toMatch(/^The server was killed .* 3 times in a row .* can be resumed/);
    expect(await jobs.logTail(id, 1000)).toContain(lost.reason);
    expect(await ended(jobs, waiting)).toMatchObject({ status: 'completed' });
    await jobs.resume(id);
    await until(() => jobs.get(id).status === 'running');
    await jobs.cancel(id);
    expect(await ended(jobs, id)).toMatchObject({ status: 'cancelled' });
  });

  it('counts no death where it was ending already and its jobs had not saved yet', async () => {
    const data = await bench.folder();
    const server = await JobServerProcess.start(data);
    const { job_id: id } = await server.train(smallTraining('a'));
    const { pid } = await until(async () => (await server.list()).find(({ step }) => step > 0));
    process.kill(pid!, 'SIGSTOP');
    server.beginEnd();
    await until(() => strikesOf(data, id).stopping);
    await server.kill();
    const jobs = await bench.open(data, { orphanMs: 60_000 });
    expect(strikesOf(data, id)).toMatchObject({ strikes: 0 });
    process.kill(pid!, 'SIGKILL');
    expect(await ended(jobs, id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect((await finalWeights(data, 'a')).equals(weights)).toBe(true);
  });

  it('has its folder alone until then', async () => {
    const data = await bench.folder();
    const server = await JobServerProcess.start(data);
    await expect(bench.open(data)).rejects.toThrow(/Another server uses/);
    await expect(JobServerProcess.start(data)).rejects.toThrow(/Another server uses/);
    await server.kill();
    const jobs = await bench.open(data);
    expect(jobs.counts()).toEqual({ queued: 0, running: 0 });
  });
});

describe('a job that is held by another process', () => {
  it('waits as long as it may, and can be cancelled meanwhile', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const place = jobLockPlace(data, 'held');
    await mkdir(dirname(place), { recursive: true });
    const lock = takeLock(place)!;
    const { job } = await jobs.submitTraining(smallTraining('held'), 'ada');
    await until(() => jobs.pidOf(job.job_id));
    await sleep(1000);
    expect(jobs.get(job.job_id)).toMatchObject({ status: 'running', step: 0 });
    await jobs.cancel(job.job_id);
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'cancelled', step: 0 });
    lock.release();
    await jobs.resume(job.job_id);
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed' });
    expect((await finalWeights(data, 'held')).equals(weights)).toBe(true);
  });
});
