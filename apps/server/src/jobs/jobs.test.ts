// The life of jobs, with true processes: accepted, followed, ended, resumed.

import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { NANO_FOLDER } from '@ludic/nano';
import { evaluationStarts, replay } from '@ludic/rollouts';
import { ENDPOINTS, ServiceError } from '@ludic/service';
import { playedGame } from '@ludic/service/internal';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Bench,
  curveOf,
  ended,
  finalWeights,
  metricsOf,
  smallEvaluation,
  smallTraining,
  until,
} from '../../testing/jobs.ts';

const bench = new Bench();
afterEach(() => bench.clear());

const SECRET = 'correct-horse-battery';

async function filesBelow(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
}

describe('a training', () => {
  it('is accepted, runs, is told step by step and leaves a model; the password is written nowhere', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const request = { ...smallTraining('/tmp/first'), password: SECRET, tensor_parallel_size: 64 };
    const { job, effective, message } = await jobs.submitTraining(request, 'ada');
    expect(job).toMatchObject({ status: 'queued', owner: 'ada', output_dir: 'tmp-first', attempts: 0 });
    expect(effective).toMatchObject({ output_dir: 'tmp-first', learning_rate: 1e-3 });
    expect(effective.tensor_parallel_size).toBeLessThan(64);
    expect(message).toMatch(/tensor_parallel_size is \d/);
    expect(jobs.counts().queued + jobs.counts().running).toBe(1);
    const done = await ended(jobs, job.job_id);
    expect(done).toMatchObject({ status: 'completed', step: 4, attempts: 1, reason: null });
    expect(done.result).toMatchObject({ model: 'tmp-first', steps: 4, evaluation: { total_episodes: 16 } });
    expect(done.latest).toHaveProperty('mean_reward');
    const types: string[] = [];
    for await (const { seq, type } of jobs.events(job.job_id, 0, new AbortController().signal)) {
      types.push(type);
      expect(seq).toBe(types.length);
    }
    expect(types.filter((type) => type !== 'warning').join(' ')).toBe(
      'job job step step evaluation step step evaluation job',
    );
    const { steps, evaluations } = await metricsOf(jobs, job.job_id, 2);
    expect([steps.map(({ step }) => step), evaluations.map(({ step }) => step)]).toEqual([[3, 4], [4]]);
    expect(await jobs.logTail(job.job_id, 1)).toMatch(/The job is completed/);
    expect((await jobs.logTail(job.job_id, 1000)).split('\n')[0]).toMatch(/Attempt 1 begins/);
    expect((await readFile(jobs.episodesFile(job.job_id), 'utf8')).split('\n').length).toBeGreaterThan(1);
    await jobs.stop();
    const all = await filesBelow(data);
    expect(all.length).toBeGreaterThan(10);
    for (const bytes of all) expect(bytes.includes(SECRET)).toBe(false);
  });

  it('saves when it is cancelled, and goes on to the bytes of an undisturbed run', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data, { maxConcurrent: 2 });
    // Long evaluations: what is cancelled after step 2 is cancelled in one.
    const long = { eval_episodes: 800, max_steps: 3 };
    const whole = await jobs.submitTraining(smallTraining('whole', long), 'ada');
    const { job } = await jobs.submitTraining(smallTraining('cut', long), 'ada');
    for await (const { type, data: told } of jobs.events(job.job_id, 0, new AbortController().signal))
      if (type === 'step' && (told as { step: number }).step === 2) break;
    expect((await jobs.cancel(job.job_id)).reason).toMatch(/saves first/);
    const cancelled = await ended(jobs, job.job_id);
    expect(cancelled).toMatchObject({ status: 'cancelled', step: 2 });
    expect(cancelled.reason).toMatch(/saved at step 2/);
    await expect(jobs.cancel(job.job_id)).rejects.toMatchObject({ code: 'conflict' });
    const before = (await metricsOf(jobs, job.job_id, 0)).evaluations;
    expect(before).toEqual([]);
    expect((await jobs.resume(job.job_id)).status).not.toBe('cancelled');
    await expect(jobs.resume(job.job_id)).rejects.toMatchObject({ code: 'conflict' });
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await ended(jobs, whole.job.job_id)).toMatchObject({ status: 'completed' });
    expect(await curveOf(data, 'cut')).toEqual(await curveOf(data, 'whole'));
    expect((await finalWeights(data, 'cut')).equals(await finalWeights(data, 'whole'))).toBe(true);
  });

  it('has its name alone, however many ask at once', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const asked = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => jobs.submitTraining(smallTraining(i % 2 ? 'one' : '/one'), `user ${i}`)),
    );
    const accepted = asked.filter((each) => each.status === 'fulfilled');
    expect(accepted).toHaveLength(1);
    for (const each of asked) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'conflict' });
    }
    expect(jobs.isNameInUse('one')).toBe(true);
    const { job } = accepted[0]!.value;
    await until(() => jobs.get(job.job_id).step > 0);
    await jobs.cancel(job.job_id);
    await ended(jobs, job.job_id);
    // No job works on it now, but there is a model of that name.
    expect(jobs.isNameInUse('one')).toBe(false);
    await expect(jobs.submitTraining(smallTraining('one'), 'late')).rejects.toBeInstanceOf(ServiceError);
    expect(jobs.list({ limit: 100 })).toHaveLength(1);
  });

  it('keeps the model that it starts from or plays with in use until it has ended', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const start = join(data, 'models', 'tmp-start');
    await cp(fileURLToPath(NANO_FOLDER), start, { recursive: true });
    const { job } = await jobs.submitTraining(
      smallTraining('trained', { model_name: '/tmp/start', max_steps: 1 }),
      'ada',
    );
    const played = await jobs.submitEvaluation(smallEvaluation({ model_path: 'tmp-start', eval_episodes: 1 }), 'ada');
    // The second waits for the first.
    expect(jobs.isNameInUse('tmp-start')).toBe(true);
    expect(jobs.isNameInUse('start')).toBe(false);
    expect(await ended(jobs, job.job_id)).toMatchObject({ status: 'completed' });
    expect(await ended(jobs, played.job_id)).toMatchObject({ status: 'completed' });
    expect(jobs.isNameInUse('tmp-start')).toBe(false);
    // What was trained has no need of its start any more.
    await rm(start, { recursive: true });
    const more = await jobs.submitEvaluation(smallEvaluation({ model_path: 'trained', eval_episodes: 1 }), 'ada');
    expect(await ended(jobs, more.job_id)).toMatchObject({ status: 'completed' });
  });

  it('never touches a folder that another put in its place', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const { job } = await jobs.submitTraining(smallTraining('mine', { max_steps: 1 }), 'ada');
    const { job: other } = await jobs.submitTraining(smallTraining('other', { max_steps: 1, seed: 4 }), 'ada');
    await jobs.cancel(other.job_id);
    await ended(jobs, job.job_id);
    await rename(join(data, 'models', 'mine'), join(data, 'models', 'other'));
    const weights = await finalWeights(data, 'other');
    await jobs.resume(other.job_id);
    expect(await ended(jobs, other.job_id)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/taken/) });
    await rename(join(data, 'models', 'other', 'final'), join(data, 'models', 'plain'));
    await rename(join(data, 'models', 'other'), join(data, 'away'));
    await rename(join(data, 'models', 'plain'), join(data, 'models', 'other'));
    await jobs.resume(other.job_id);
    expect(await ended(jobs, other.job_id)).toMatchObject({ status: 'failed', attempts: 2 });
    expect((await readFile(join(data, 'models', 'other', 'model.safetensors'))).equals(weights)).toBe(true);
  });

  it('finds none where an evaluation is resumed whose model is gone, and asks the Hub for none of that name', async () => {
    const data = await bench.folder();
    const jobs = await bench.open(data);
    const folder = join(data, 'models', 'gpt2');
    await cp(fileURLToPath(NANO_FOLDER), folder, { recursive: true });
    await writeFile(join(folder, 'model.safetensors'), 'damaged');
    const { job_id } = await jobs.submitEvaluation(smallEvaluation({ model_path: 'gpt2' }), 'ada');
    expect((await ended(jobs, job_id)).reason).toMatch(/model\.safetensors/);
    await rm(folder, { recursive: true });
    await jobs.resume(job_id);
    expect((await ended(jobs, job_id)).reason).toMatch(/^There is no model "gpt2"\./);
  });

  it('fails at once, with a sentence, where another attempt would fail as well', async () => {
    const data = await bench.folder();
    await mkdir(join(data, 'models', 'broken'), { recursive: true });
    await writeFile(join(data, 'models', 'broken', 'config.json'), '{}');
    const jobs = await bench.open(data);
    const { job_id } = await jobs.submitEvaluation(smallEvaluation({ model_path: 'broken' }), 'ada');
    const done = await ended(jobs, job_id);
    expect(done).toMatchObject({ status: 'failed', attempts: 1 });
    expect(done.reason).toMatch(/model_type/);
    expect(done.reason).not.toContain(data);
    const told = await jobs.logTail(job_id, 100);
    expect(told).toContain(done.reason);
    // The file on the server says where it came from.
    expect(told).not.toMatch(/^\s+at |\.ts:\d/m);
    expect(told).not.toContain(data);
    expect(await readFile(join(data, 'jobs', job_id, 'log.txt'), 'utf8')).toMatch(/^\s+at .*\.ts:\d/m);
    // A training looks before it says yes.
    const refused = jobs.submitTraining(smallTraining('a', { model_name: 'broken' }), 'ada');
    await expect(refused).rejects.toThrow(/model_type/);
    const adapted = jobs.submitTraining(smallTraining('a', { lora_rank: 2, lora_targets: ['nope'] }), 'ada');
    await expect(adapted).rejects.toThrow(/has no layer nope to adapt/);
    await expect(jobs.submitTraining(smallTraining('b', { model_name: 'no--where' }), 'ada')).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is ended by the time limit after it saved, and can be resumed', async () => {
    const data = await bench.folder();
    const before = await bench.open(data);
    const { job } = await before.submitTraining(smallTraining('slow', { max_steps: 100_000 }), 'ada');
    await until(() => before.get(job.job_id).step > 0);
    await before.stop();
    // What it ran under the server before counts, however quick this machine is.
    const jobs = await bench.open(data, { timeoutMs: 1 });
    const done = await ended(jobs, job.job_id);
    expect(done).toMatchObject({ status: 'failed', attempts: 2 });
    expect(done.reason).toMatch(/longer than the 0.001 s .* saved at step \d+/);
    expect((await jobs.resume(job.job_id)).status).not.toBe('failed');
  });
});

describe('the queue', () => {
  it('runs jobs in the order in which they came, as many at once as it may', async () => {
    const jobs = await bench.open(await bench.folder(), { maxConcurrent: 2 });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await jobs.submitEvaluation(smallEvaluation(), 'ada')).job_id);
    let most = 0;
    await until(() => {
      most = Math.max(most, jobs.counts().running);
      return jobs.counts().queued + jobs.counts().running === 0;
    });
    expect(most).toBe(2);
    const all = ids.map((id) => jobs.get(id));
    expect(all.map(({ status }) => status)).toEqual(Array(5).fill('completed'));
    const begun = all.map(({ started_at }) => started_at!);
    // Two begin at once, and either may say so first.
    for (let i = 2; i < begun.length; i++) expect(begun[i]! >= begun[i - 2]!).toBe(true);
    expect(new Set(all.map(({ result }) => JSON.stringify(result))).size).toBe(1);
    const games = (await readFile(jobs.episodesFile(ids[0]!), 'utf8')).trim().split('\n');
    expect(games.map((line) => JSON.parse(line).episode)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const starts = evaluationStarts(smallEvaluation().seed, 20);
    const told = ENDPOINTS.generateRollout.answers[200].shape.trajectory;
    for (const [i, line] of games.entries()) {
      const game = told.parse(JSON.parse(line).trajectory);
      expect([game.seed, game.dynamics_seed]).toEqual([starts[i]!.seed, starts[i]!.dynamicsSeed]);
      const { frames } = replay({
        environment: findEnvironment('tic_tac_toe'),
        config: resolveConfig(findEnvironment('tic_tac_toe'), playedGame(smallEvaluation())),
        history: 'NO_HISTORY',
        start: { seed: game.seed, dynamicsSeed: game.dynamics_seed },
        replies: game.steps.map(({ assistant }) => assistant),
      });
      const said = [...game.steps.map(({ observation }) => observation), game.final_observation];
      expect(frames.map(({ observation }) => observation)).toEqual(said);
    }
  });

  it('keeps no games of an evaluation that wants none', async () => {
    const jobs = await bench.open(await bench.folder());
    const { job_id: id } = await jobs.submitEvaluation(smallEvaluation({ include_trajectories: false }), 'ada');
    expect((await ended(jobs, id)).status).toBe('completed');
    expect(existsSync(jobs.episodesFile(id))).toBe(false);
  });

  it("tells, in events and log, what a model's files say that is not heeded", async () => {
    const folder = await bench.folder();
    const odd = join(folder, 'models', 'odd');
    await cp(fileURLToPath(NANO_FOLDER), odd, { recursive: true });
    const config = JSON.parse(await readFile(join(odd, 'config.json'), 'utf8'));
    await writeFile(join(odd, 'config.json'), JSON.stringify({ ...config, a_new_idea: 3 }));
    const jobs = await bench.open(folder);
    const { job_id: id } = await jobs.submitEvaluation(smallEvaluation({ model_path: 'odd' }), 'ada');
    const warnings: unknown[] = [];
    for await (const { type, data } of jobs.events(id, 0, new AbortController().signal))
      if (type === 'warning') warnings.push(data);
    const told = expect.stringMatching(/^config\.json of odd says a_new_idea, which is not heeded here\.$/);
    expect(warnings).toEqual([{ message: told }]);
    expect(await jobs.logTail(id, 1000)).toContain('config.json of odd says a_new_idea');
  });

  it('refuses more than it may hold, and a job that waits is cancelled at once', async () => {
    const jobs = await bench.open(await bench.folder(), { maxQueued: 2 });
    const submit = () => jobs.submitEvaluation(smallEvaluation({ eval_episodes: 5000 }), 'ada');
    const first = await submit();
    await until(() => jobs.get(first.job_id).status === 'running');
    const [second, third] = [await submit(), await submit()];
    await expect(submit()).rejects.toMatchObject({ code: 'too_many_requests', retryAfter: 60 });
    expect(await jobs.cancel(second.job_id)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect((await submit()).status).toBe('queued');
    expect(jobs.list({ status: 'queued', limit: 1 })).toHaveLength(1);
    expect(jobs.get(third.job_id).status).toBe('queued');
    expect(() => jobs.get('nowhere')).toThrow(/no such job/);
  });

  it('waits while the server is stopped, and goes on to the same bytes', async () => {
    const data = await bench.folder();
    const first = await bench.open(data);
    const { job } = await first.submitTraining(smallTraining('a'), 'ada');
    const { job: whole } = await first.submitTraining(smallTraining('whole'), 'ada');
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { seq } of first.events(job.job_id, 0, new AbortController().signal)) seen.push(seq);
    })();
    await until(() => first.get(job.job_id).step > 0);
    await first.stop();
    // Followers are let go.
    await reading;
    await expect(async () => first.get(job.job_id)).rejects.toMatchObject({ code: 'unavailable' });
    const second = await bench.open(data);
    expect(await ended(second, job.job_id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await ended(second, whole.job_id)).toMatchObject({ status: 'completed', attempts: 1 });
    for await (const { seq } of second.events(job.job_id, seen.at(-1)!, new AbortController().signal)) seen.push(seq);
    expect(seen).toEqual(seen.map((_, i) => i + 1));
    expect((await finalWeights(data, 'a')).equals(await finalWeights(data, 'whole'))).toBe(true);
  });
});
