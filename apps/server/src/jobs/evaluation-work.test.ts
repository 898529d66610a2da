// Evaluations as jobs, which play with the models that answer requests.

import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { completePlaying } from '@ludic/service/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { Bench, ended, smallEvaluation, until } from '../../testing/jobs.ts';
import { NANO, TIC_TAC_TOE } from '../../testing/models.ts';
import type { ModelEvent } from '../inference/loaded-model.ts';
import { InferencePool, type PoolOptions } from '../inference/pool.ts';
import { requestedPlay } from '../inference/protocol.ts';
import { type ModelOrigin, modelKey } from '../models/model-source.ts';
import type { Jobs } from './jobs.ts';

const bench = new Bench();
afterEach(() => bench.clear());

/** More games than end while a test looks at them. */
const ENDLESS = { eval_episodes: 100_000, include_trajectories: false };

function openPool(options: PoolOptions = {}): { readonly pool: InferencePool; readonly events: ModelEvent[] } {
  const events: ModelEvent[] = [];
  return { pool: new InferencePool({ threads: 1, ...options, log: (event) => events.push(event) }), events };
}

/** A request that plays what a job plays. */
function evaluateNow(
  pool: InferencePool,
  more: Parameters<typeof smallEvaluation>[0] = {},
  onPlayed: (games: number) => void = () => {},
) {
  const request = completePlaying(smallEvaluation(more));
  const { seed, eval_episodes: episodes } = request;
  return pool.evaluate(NANO, { ...requestedPlay(request), seed, episodes, trajectories: true }, { onPlayed });
}

/** A model of the server, a copy of nano. */
async function copyOfNano(data: string, name: string): Promise<ModelOrigin> {
  const folder = join(data, 'models', name);
  await mkdir(join(data, 'models'), { recursive: true });
  await cp(fileURLToPath(NANO_FOLDER), folder, { recursive: true });
  return { from: 'store', model: { name, folder } };
}

const pidsOf = (pool: InferencePool) => pool.status.processes.map(({ pid }) => pid!);
const countersOf = (pool: InferencePool) => pool.status.processes[0]!.counters;
const start = async (jobs: Jobs, more: Parameters<typeof smallEvaluation>[0]) =>
  (await jobs.submitEvaluation(smallEvaluation(more), 'ada')).job_id;
const isPlaying = (pool: InferencePool) => pool.status.models > 0 && countersOf(pool).tokens > 0;

describe('an evaluation as a job', () => {
  it('has the numbers and the games of a request, and shares its model', async () => {
    const data = await bench.folder();
    const { pool, events } = openPool();
    const jobs = await bench.open(data, { pool });
    const game = { eval_episodes: 320, seed: 4, env_type: 'key_door', max_steps: 12 };
    const { evaluation, games } = await evaluateNow(pool, game);
    const id = await start(jobs, game);
    const { status, result } = await ended(jobs, id);
    expect(status).toBe('completed');
    expect(result!.results).toEqual(evaluation);
    expect(await readFile(jobs.episodesFile(id), 'utf8')).toBe(games.map((json) => `${json}\n`).join(''));
    expect(events.filter(({ event }) => event === 'started')).toHaveLength(1);
    const told = (await jobs.logTail(id, 100)).split('\n').map((line) => line.replace(/^\S+ /, ''));
    expect(told.filter((line) => /games played/.test(line))).toEqual([
      '250 of 320 games played',
      '320 of 320 games played',
    ]);
  });

  it('ends its games when it is cancelled, and neither the process of the model nor other work in it', async () => {
    const { pool, events } = openPool();
    const jobs = await bench.open(await bench.folder(), { pool });
    const alone = await pool.rollout(NANO, TIC_TAC_TOE);
    const [pid] = pidsOf(pool);
    const id = await start(jobs, ENDLESS);
    await until(() => countersOf(pool).games > 100);
    expect(jobs.pidOf(id)).toBe(pid);
    const asked = evaluateNow(pool, { eval_episodes: 200 });
    const cancelled = await jobs.cancel(id);
    expect(cancelled.reason).toMatch(/is being cancelled/);
    expect(await ended(jobs, id)).toMatchObject({ status: 'cancelled', reason: 'It was cancelled.', attempts: 1 });
    expect((await asked).evaluation.total_episodes).toBe(200);
    expect(await pool.rollout(NANO, TIC_TAC_TOE)).toEqual(alone);
    expect(pidsOf(pool)).toEqual([pid]);
    expect(events.filter(({ event }) => event === 'died' || event === 'released')).toEqual([]);
    // Nothing of the job is played any more.
    await until(() => pool.status.processes[0]!.requests === 0);
    const { games } = countersOf(pool);
    await pool.rollout(NANO, TIC_TAC_TOE);
    expect(countersOf(pool).games).toBe(games + 1);
  });

  it('begins again after the death of the process, to the same numbers, as do the requests in it', async () => {
    const { pool } = openPool();
    const jobs = await bench.open(await bench.folder(), { pool });
    const game = { eval_episodes: 400 };
    const id = await start(jobs, game);
    // While its model opens.
    const pid = await until(() => jobs.pidOf(id));
    let isKilled = false;
    const asked = evaluateNow(pool, game, () => {
      if (!isKilled) process.kill(pid, 'SIGKILL');
      isKilled = true;
    });
    const done = await ended(jobs, id);
    expect(done).toMatchObject({ status: 'completed', attempts: 2, step: 400, reason: null });
    const { evaluation, games } = await asked;
    expect(done.result!.results).toEqual(evaluation);
    expect(await readFile(jobs.episodesFile(id), 'utf8')).toBe(games.map((json) => `${json}\n`).join(''));
    expect(await jobs.logTail(id, 100)).toMatch(/SIGKILL.*tried again, from the beginning/);
  });

  it('counts against neither the number of requests nor their time, and they are answered while it plays', async () => {
    const { pool } = openPool({ maxConcurrentRequests: 1 });
    const jobs = await bench.open(await bench.folder(), { pool, maxConcurrent: 2 });
    const ids = [await start(jobs, ENDLESS), await start(jobs, ENDLESS)];
    await until(() => isPlaying(pool));
    expect(pool.status.requests).toBe(0);
    for (let i = 0; i < 5; i++) await pool.rollout(NANO, { ...TIC_TAC_TOE, seed: i });
    expect(ids.map((id) => jobs.get(id).status)).toEqual(['running', 'running']);
    const { pool: hasty } = openPool({ requestTimeoutMs: 1 });
    const others = await bench.open(await bench.folder(), { pool: hasty });
    expect(await ended(others, await start(others, {}))).toMatchObject({ status: 'completed' });
  });

  it('comes to its end while there are requests all the time', async () => {
    const { pool } = openPool();
    const jobs = await bench.open(await bench.folder(), { pool });
    const leaving = new AbortController();
    const request = { ...TIC_TAC_TOE, episodes: 100_000, trajectories: false };
    const playing = pool.evaluate(NANO, request, { signal: leaving.signal });
    await until(() => isPlaying(pool));
    expect(await ended(jobs, await start(jobs, {}))).toMatchObject({ status: 'completed', attempts: 1 });
    leaving.abort();
    await expect(playing).rejects.toThrow(/aborted/);
  });

  it('waits while the server is stopped, and is played from the beginning by the next', async () => {
    const data = await bench.folder();
    const { pool } = openPool();
    const first = await bench.open(data, { pool });
    const id = await start(first, { eval_episodes: 2000, include_trajectories: false });
    await until(() => first.get(id).step > 0);
    await first.stop();
    const second = await bench.open(data, { pool });
    expect(await ended(second, id)).toMatchObject({ status: 'completed', attempts: 2, step: 2000 });
  });
});

describe('the room for models', () => {
  it('has the model of a job once, and keeps it until the job ends', async () => {
    const data = await bench.folder();
    const { bytes } = await modelKey(NANO);
    const { pool } = openPool({ maxBytes: 1.2 * bytes });
    const jobs = await bench.open(data, { pool });
    const other = await copyOfNano(data, 'other');
    const id = await start(jobs, ENDLESS);
    await until(() => isPlaying(pool));
    await pool.rollout(NANO, TIC_TAC_TOE);
    expect(pool.status.models).toBe(1);
    await expect(pool.rollout(other, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'busy' });
    expect(jobs.get(id)).toMatchObject({ status: 'running', attempts: 1 });
    await jobs.cancel(id);
    await until(() => pool.status.processes[0]!.requests === 0);
    await pool.rollout(other, TIC_TAC_TOE);
    expect(pool.status.processes.map(({ model }) => model)).toEqual(['store other']);
  });

  it('is waited for by a job, which says so', async () => {
    const data = await bench.folder();
    const { bytes } = await modelKey(NANO);
    const { pool } = openPool({ maxBytes: 1.2 * bytes });
    const jobs = await bench.open(data, { pool });
    await copyOfNano(data, 'other');
    const leaving = new AbortController();
    const request = { ...TIC_TAC_TOE, episodes: 100_000, trajectories: false };
    const playing = pool.evaluate(NANO, request, { signal: leaving.signal });
    await until(() => isPlaying(pool));
    const id = await start(jobs, { model_path: 'other' });
    await until(async () => /It waits: 1 models are in use/.test(await jobs.logTail(id, 100)));
    expect(jobs.get(id)).toMatchObject({ status: 'running', attempts: 1 });
    leaving.abort();
    await expect(playing).rejects.toThrow(/aborted/);
    expect(await ended(jobs, id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('goes to a request that was refused before it goes to the next job', async () => {
    let now = 0;
    const data = await bench.folder();
    const { bytes } = await modelKey(NANO);
    const { pool } = openPool({ maxBytes: 1.2 * bytes, now: () => now });
    const jobs = await bench.open(data, { pool });
    const other = await copyOfNano(data, 'other');
    const [first, second] = [await start(jobs, ENDLESS), await start(jobs, {})];
    await until(() => isPlaying(pool));
    await expect(pool.rollout(other, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'busy' });
    await jobs.cancel(first);
    await until(async () => /It waits: Requests wait for the room/.test(await jobs.logTail(second, 100)));
    await until(() => pool.status.processes[0]!.requests === 0);
    await pool.rollout(other, TIC_TAC_TOE);
    now += 60_000;
    expect(await ended(jobs, second)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('is left for the model of a request, however many jobs play', async () => {
    const data = await bench.folder();
    const { pool } = openPool({ maxModels: 2 });
    const jobs = await bench.open(data, { pool, maxConcurrent: 2 });
    await copyOfNano(data, 'one');
    await copyOfNano(data, 'two');
    const one = await start(jobs, { ...ENDLESS, model_path: 'one' });
    await until(() => isPlaying(pool));
    const two = await start(jobs, { model_path: 'two' });
    await until(async () => /It waits: Jobs play with 1 models/.test(await jobs.logTail(two, 100)));
    await pool.rollout(NANO, TIC_TAC_TOE);
    await jobs.cancel(one);
    expect(await ended(jobs, two)).toMatchObject({ status: 'completed' });
  });
});
