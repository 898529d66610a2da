// The pool with real processes and a real model. Nothing here looks at the clock: what happens elsewhere is waited for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import { LanguageModelPolicy } from '@ludic/policies';
import { evaluate, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { copyOfNano, damagedNano, NANO, TIC_TAC_TOE, until } from '../../testing/models.ts';
import { type ModelOrigin, modelKey } from '../models/model-source.ts';
import type { ModelEvent } from './loaded-model.ts';
import { InferencePool, type PoolOptions } from './pool.ts';
import type { EvaluationTask } from './protocol.ts';

const pools: InferencePool[] = [];
function open(options: PoolOptions = {}): { pool: InferencePool; events: ModelEvent[] } {
  const events: ModelEvent[] = [];
  const pool = new InferencePool({ threads: 1, ...options, log: (event) => events.push(event) });
  pools.push(pool);
  return { pool, events };
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

const codeOf = (settled: PromiseSettledResult<unknown>) =>
  settled.status === 'fulfilled' ? 'done' : (settled.reason as { code?: string }).code;
const alive = (pid: number) => {
  try {
    // The process of a killed child stays as a zombie until its parent has heard.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const pidsOf = (pool: InferencePool) => pool.status.processes.map(({ pid }) => pid!);
const seeds = (count: number) => Array.from({ length: count }, (_, i) => ({ ...TIC_TAC_TOE, seed: 100 + i }));
const repliesOf = (json: string) =>
  JSON.parse(json).trajectory.steps.map(({ assistant }: { assistant: string }) => assistant);
/** Too much to end by itself while a test looks at it. */
const ENDLESS: Omit<EvaluationTask, 'background'> = {
  ...TIC_TAC_TOE,
  environment: 'key_door',
  config: { size: 8, max_steps: 10_000 },
  history: 'SCRATCHPAD',
  episodes: 100_000,
  trajectories: false,
};

/** The model in this process. */
async function local(temperature: number) {
  const model = await openLanguageModel(
    await openModelFolder(fileURLToPath(NANO_FOLDER)),
    await createRuntime({ threads: 1 }),
  );
  const settings = { ...TIC_TAC_TOE.sampling, temperature, stop: ['</move>'] };
  const policy = new LanguageModelPolicy(model, settings);
  return { environment: 'tic_tac_toe', config: {}, history: TIC_TAC_TOE.history, policy };
}

describe('a pool of models', () => {
  it('evaluates as the library does, and shows the games that were played', async () => {
    const { pool } = open();
    const task = { ...TIC_TAC_TOE, episodes: 150, trajectories: true };
    const played: number[] = [];
    const { evaluation, games } = await pool.evaluate(NANO, task, { onPlayed: (count) => played.push(count) });
    const table = await local(0.7);
    expect(evaluation).toEqual(await evaluate({ ...table, episodes: 150, seed: 1 }));
    expect(played).toEqual([100, 150]);
    const episodes = await playEpisodes({ ...table, starts: evaluationStarts(1, 150) });
    expect(games.map(repliesOf)).toEqual(episodes.map(({ turns }) => turns.map(({ reply }) => reply.text)));
    expect(games.map((json) => JSON.parse(json).episode)).toEqual(episodes.map((_, i) => i));
  });

  it('plays many games at once with fewer runs of the network than one after another, and with the same replies', async () => {
    const { pool } = open();
    const runs = () => pool.status.processes[0]!.counters.runs;
    const texts = (episode: Awaited<ReturnType<InferencePool['rollout']>>) =>
      episode.turns.map(({ reply }) => reply.text);
    const tasks = seeds(8).map((task, i) => ({
      ...task,
      history: i % 2 ? ('FULL_HISTORY' as const) : ('NO_HISTORY' as const),
      sampling: { ...task.sampling, temperature: 0.5 + i / 10 },
    }));
    const together = (await Promise.all(tasks.map((task) => pool.rollout(NANO, task)))).map(texts);
    const runsTogether = runs();
    const { pool: other } = open();
    const alone: string[][] = [];
    for (const task of tasks) alone.push(texts(await other.rollout(NANO, task)));
    expect(together).toEqual(alone);
    expect(runsTogether).toBeGreaterThan(0);
    expect(runsTogether).toBeLessThan(0.5 * other.status.processes[0]!.counters.runs);
  });

  it('answers or refuses each of 32 at once, and never more than its limit are worked on', async () => {
    const { pool } = open({ maxConcurrentRequests: 10 });
    const settled = await Promise.allSettled(seeds(32).map((task) => pool.rollout(NANO, task)));
    const codes = settled.map(codeOf);
    expect(codes.filter((code) => code === 'done')).toHaveLength(10);
    expect(codes.filter((code) => code === 'busy')).toHaveLength(22);
    expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { retryAfter: 1 } });
    expect(pool.status.requests).toBe(0);
    await pool.rollout(NANO, TIC_TAC_TOE);
  });

  it('stops the work of a client that has gone', async () => {
    const { pool } = open({ maxConcurrentRequests: 1 });
    const gone = new AbortController();
    const asked = pool.evaluate(NANO, ENDLESS, { signal: gone.signal });
    const counters = () => pool.status.processes[0]!.counters;
    await until(() => pool.status.models === 1 && counters().tokens > 1000);
    gone.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await until(() => pool.status.requests === 0);
    // One game now has the model for itself: what it takes is all that is added.
    const before = counters();
    await pool.rollout(NANO, TIC_TAC_TOE);
    expect(counters().games - before.games).toBeLessThanOrEqual(1);
    expect(counters().tokens - before.tokens).toBeLessThan(1000);
  });

  it('takes back a request before its model has opened', async () => {
    const { pool } = open();
    const gone = new AbortController();
    const asked = pool.rollout(NANO, TIC_TAC_TOE, { signal: gone.signal });
    await until(() => pool.status.models === 1);
    gone.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await until(() => pool.status.requests === 0);
  });

  it('blames the opening of the model, and not the game, while that lasts', async () => {
    const { pool, events } = open({ requestTimeoutMs: 1 });
    await expect(pool.rollout(NANO, TIC_TAC_TOE)).rejects.toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(/^Opening the model takes longer than the 0\.001 s .*ask again later\.$/),
    });
    // It goes on.
    await until(() => events.some(({ event }) => event === 'opened'));
  });

  it('begins again in a new process when one is killed, and another model does not notice', async () => {
    const { pool, events } = open();
    const other = await copyOfNano('other');
    const wanted = await pool.evaluate(NANO, { ...TIC_TAC_TOE, episodes: 300, trajectories: false });
    const neighbour = pool.evaluate(other, { ...TIC_TAC_TOE, episodes: 300, trajectories: false });
    const games = Promise.all(seeds(4).map((task) => pool.rollout(NANO, task)));
    const played: number[] = [];
    const asked = pool.evaluate(
      NANO,
      { ...TIC_TAC_TOE, episodes: 300, trajectories: true },
      { onPlayed: (count) => played.push(count) },
    );
    await until(() => played.length > 0);
    const { pid } = pool.status.processes.find(({ model }) => model === 'store nano')!;
    process.kill(pid!, 'SIGKILL');
    const { evaluation, games: shown } = await asked;
    expect(evaluation).toEqual(wanted.evaluation);
    expect(shown).toHaveLength(300);
    expect((await neighbour).evaluation).toEqual(wanted.evaluation);
    expect(await games).toHaveLength(4);
    expect(events.filter(({ event }) => event === 'died')).toMatchObject([{ model: 'store nano', pid }]);
  });

  it('gives up after the second death, says so, and answers the next request', async () => {
    const { pool } = open();
    const asked = Promise.allSettled([pool.evaluate(NANO, ENDLESS)]);
    const killed = new Set<number>();
    for (let time = 0; time < 2; time++) {
      await until(() => pidsOf(pool).some((pid) => !killed.has(pid)));
      const [pid] = pidsOf(pool);
      killed.add(pid!);
      process.kill(pid!, 'SIGKILL');
    }
    expect((await asked).map(codeOf)).toEqual(['worker_died']);
    await pool.rollout(NANO, TIC_TAC_TOE);
    expect(pool.status.requests).toBe(0);
  });

  it('rests after many deaths of one model, while others answer', async () => {
    let now = 0;
    const { pool } = open({ now: () => now });
    const killed = new Set<number>();
    for (let death = 0; death < 6; death++) {
      if (death % 2 === 0) void pool.evaluate(NANO, ENDLESS).catch(() => {});
      await until(() => pidsOf(pool).some((pid) => !killed.has(pid)));
      const pid = pidsOf(pool).find((one) => !killed.has(one))!;
      killed.add(pid);
      process.kill(pid, 'SIGKILL');
      await until(() => !pidsOf(pool).includes(pid));
    }
    await until(() => pool.status.requests === 0);
    await expect(pool.rollout(NANO, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'worker_died', retryAfter: 2 });
    await pool.rollout(await copyOfNano('other'), TIC_TAC_TOE);
    now = 2001;
    await pool.rollout(NANO, TIC_TAC_TOE);
  });

  it('tells what is wrong with a damaged model, not where it lies, while nano answers', async () => {
    const { pool, events } = open();
    const damaged = await damagedNano();
    const settled = await Promise.allSettled([
      pool.rollout(damaged, TIC_TAC_TOE),
      pool.rollout(NANO, TIC_TAC_TOE),
      pool.rollout(damaged, TIC_TAC_TOE),
    ]);
    expect(settled.map(codeOf)).toEqual(['bad_safetensors', 'done', 'bad_safetensors']);
    const { name, message } = (settled[0] as PromiseRejectedResult).reason;
    expect(name).toBe('ModelError');
    expect(message).toContain('cut off');
    expect(message).not.toContain('/tmp');
    // Remembered: no process is started for it again at once.
    await expect(pool.rollout(damaged, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'bad_safetensors' });
    expect(events.filter(({ event, model }) => event === 'started' && model === 'store damaged')).toHaveLength(1);
  });

  it("logs what a model's files say that is not heeded", async () => {
    const { pool, events } = open();
    const odd = await copyOfNano('odd');
    const config = join(odd.model.folder, 'config.json');
    await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), a_new_idea: 3 }));
    await pool.rollout(odd, TIC_TAC_TOE);
    expect(events.find(({ event }) => event === 'opened')).toMatchObject({
      reason: 'config.json of odd says a_new_idea, which is not heeded here.',
    });
    await pool.rollout(NANO, TIC_TAC_TOE);
    expect(events.findLast(({ event }) => event === 'opened')).not.toHaveProperty('reason');
  });

  it('passes on what is wrong with a request', async () => {
    const { pool } = open();
    const unknown = { ...TIC_TAC_TOE, environment: 'chess' };
    const endless = { ...TIC_TAC_TOE, sampling: { ...TIC_TAC_TOE.sampling, maxCompletionLength: 100_000 } };
    const settled = await Promise.allSettled([pool.rollout(NANO, unknown), pool.rollout(NANO, endless)]);
    expect(settled.map(codeOf)).toEqual(['unknown_environment', 'prompt_too_long']);
    await pool.rollout(NANO, TIC_TAC_TOE);
  });

  it('drops a model that is not asked for', async () => {
    const { pool } = open({ idleTimeoutMs: 50 });
    await pool.rollout(NANO, TIC_TAC_TOE);
    const [pid] = pidsOf(pool);
    expect(alive(pid!)).toBe(true);
    await until(() => pool.status.models === 0 && !alive(pid!));
    await pool.rollout(NANO, TIC_TAC_TOE);
  });

  it('drops the model used longest ago where there are too many, and none that is in use', async () => {
    let now = 0;
    const { pool } = open({ maxModels: 2, now: () => ++now });
    const [first, second, third] = await Promise.all(['first', 'second', 'third'].map(copyOfNano));
    await pool.rollout(first!, TIC_TAC_TOE);
    await pool.rollout(second!, TIC_TAC_TOE);
    await pool.rollout(first!, TIC_TAC_TOE);
    await pool.rollout(third!, TIC_TAC_TOE);
    const models = () => pool.status.processes.map(({ model }) => model);
    expect(models()).toEqual(['store first', 'store third']);
    const gone = new AbortController();
    const busy = [first!, third!].map((model) => pool.evaluate(model, ENDLESS, { signal: gone.signal }));
    const settled = Promise.allSettled(busy);
    await until(() => pool.status.processes.every(({ requests }) => requests === 1));
    await expect(pool.rollout(second!, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'busy' });
    gone.abort(new Error('gone'));
    await settled;
  });

  it('makes room for the weights, and refuses a model that never fits', async () => {
    const { bytes } = await modelKey(NANO);
    expect(bytes).toBeGreaterThan(1_000_000);
    const { pool } = open({ maxBytes: 1.2 * bytes });
    await pool.rollout(NANO, TIC_TAC_TOE);
    await pool.rollout(await copyOfNano('other'), TIC_TAC_TOE);
    expect(pool.status.processes.map(({ model }) => model)).toEqual(['store other']);
    const { pool: small } = open({ maxBytes: 0.5 * bytes });
    await expect(small.rollout(NANO, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'too_large' });
    expect(small.status).toMatchObject({ models: 0, requests: 0 });
  });

  describe('with models of the Hub', async () => {
    const [ONE, TWO] = ['org/one', 'org/two'].map((reference): ModelOrigin => ({ from: 'hub', reference })) as [
      ModelOrigin,
      ModelOrigin,
    ];
    /** What the weights of each take. */
    const weight = (await stat(new URL('model.safetensors', NANO_FOLDER))).size;
    let cache = '';
    // The cache as a download leaves it; nothing goes to the network.
    beforeEach(async () => {
      cache = await mkdtemp(join(tmpdir(), 'ludic-hub-'));
      const commit = '0123456789abcdef0123456789abcdef01234567';
      for (const name of ['one', 'two']) {
        const folder = join(cache, `models--org--${name}`);
        await mkdir(join(folder, 'refs'), { recursive: true });
        await writeFile(join(folder, 'refs', 'main'), commit);
        await cp(fileURLToPath(NANO_FOLDER), join(folder, 'snapshots', commit), { recursive: true });
      }
      vi.stubEnv('HF_HUB_CACHE', cache);
      vi.stubEnv('HF_HUB_OFFLINE', '1');
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      await rm(cache, { recursive: true });
    });
    const started = (events: readonly ModelEvent[]) => events.filter(({ event }) => event === 'started').length;

    const namesOf = (pool: InferencePool) => pool.status.processes.map(({ model }) => model);
    const untilIdle = (pool: InferencePool) => until(() => pool.status.requests === 0);

    it('refuses it where it never fits, the second time without a process', async () => {
      const { pool, events } = open({ maxBytes: weight / 2 });
      for (let time = 0; time < 2; time++)
        await expect(pool.rollout(ONE, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'too_large' });
      expect(started(events)).toBe(1);
      expect(events.some(({ event }) => event === 'opened')).toBe(false);
      expect(pool.status).toMatchObject({ models: 0, requests: 0 });
    });

    it('makes room for it when it knows what it takes, and none of what is in use', async () => {
      const { pool, events } = open({ maxBytes: 1.5 * weight });
      await pool.rollout(ONE, TIC_TAC_TOE);
      await pool.rollout(TWO, TIC_TAC_TOE);
      expect(namesOf(pool)).toEqual(['hub org/two']);
      const leaving = new AbortController();
      const playing = pool.evaluate(TWO, ENDLESS, { signal: leaving.signal });
      await until(() => pool.status.requests === 1);
      // What it took the last time is known without a process.
      await expect(pool.rollout(ONE, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'busy' });
      expect(started(events)).toBe(2);
      leaving.abort();
      await expect(playing).rejects.toThrow(/aborted/);
      await untilIdle(pool);
      await pool.rollout(ONE, TIC_TAC_TOE);
      expect(namesOf(pool)).toEqual(['hub org/one']);
      const { pool: large } = open({ maxBytes: 2.5 * weight });
      await Promise.all([ONE, TWO].map((source) => large.rollout(source, TIC_TAC_TOE)));
      expect(large.status.models).toBe(2);
    });

    it('tells all who wait for it that there is no room while another is used', async () => {
      const { pool, events } = open({ maxBytes: 1.5 * weight });
      const leaving = new AbortController();
      const playing = pool.evaluate(TWO, ENDLESS, { signal: leaving.signal });
      await until(() => events.some(({ event }) => event === 'opened'));
      const asked = [1, 2, 3].map(() => pool.rollout(ONE, TIC_TAC_TOE));
      for (const settled of await Promise.allSettled(asked)) expect(codeOf(settled)).toBe('busy');
      expect([started(events), namesOf(pool)]).toEqual([2, ['hub org/two']]);
      leaving.abort();
      await expect(playing).rejects.toThrow(/aborted/);
      await untilIdle(pool);
      await pool.rollout(ONE, TIC_TAC_TOE);
      expect(namesOf(pool)).toEqual(['hub org/one']);
    });
  });

  it('loads a model again that was written again', async () => {
    const { pool } = open();
    const source = await copyOfNano('trained');
    await pool.rollout(source, TIC_TAC_TOE);
    const [before] = pidsOf(pool);
    await pool.rollout(source, TIC_TAC_TOE);
    expect(pidsOf(pool)).toEqual([before]);
    await utimes(source.model.folder, 1, 1);
    await pool.rollout(source, TIC_TAC_TOE);
    expect(pidsOf(pool)).toHaveLength(1);
    expect(pidsOf(pool)).not.toEqual([before]);
  });

  it('gives back the memory of a model that is gone as soon as no request uses it', async () => {
    const { pool, events } = open();
    const idle = await copyOfNano('idle');
    const used = await copyOfNano('used');
    await Promise.all([idle, used, NANO].map((source) => pool.rollout(source, TIC_TAC_TOE)));
    const before = new Map(events.filter(({ event }) => event === 'started').map(({ model, pid }) => [model, pid!]));
    const leaving = new AbortController();
    const using = pool.evaluate(used, ENDLESS, { signal: leaving.signal });
    await until(() => pool.status.processes.some(({ requests }) => requests === 1));
    for (const name of ['idle', 'used', 'never there']) pool.forget(name);
    await until(() => !alive(before.get('store idle')!));
    expect(pidsOf(pool).sort()).toEqual([before.get('store used')!, before.get('store nano')!].sort());
    // One that comes back under its name has a process of its own meanwhile.
    await pool.rollout(used, TIC_TAC_TOE);
    expect(pool.status.models).toBe(3);
    leaving.abort();
    await expect(using).rejects.toThrow(/aborted/);
    await until(() => !alive(before.get('store used')!));
    expect(pool.status.models).toBe(2);
    expect(alive(before.get('store nano')!)).toBe(true);
    expect(events.filter(({ event }) => event === 'released')).toHaveLength(2);
  });

  it('ends a process that gives no sign', async () => {
    const { pool, events } = open({ silenceMs: 8000 });
    const settled = Promise.allSettled([pool.evaluate(NANO, ENDLESS)]);
    await until(() => pool.status.models === 1 && pool.status.processes[0]!.counters.tokens > 0);
    process.kill(pidsOf(pool)[0]!, 'SIGSTOP');
    expect((await settled).map(codeOf)).toEqual(['worker_died']);
    expect(events.map(({ event }) => event)).toContain('stuck');
  });

  it('leaves no process behind when the server is killed', async () => {
    const script = `
      import { InferencePool } from ${JSON.stringify(new URL('./pool.ts', import.meta.url).href)};
      const pool = new InferencePool({ threads: 1 });
      void pool.evaluate(${JSON.stringify(NANO)}, ${JSON.stringify(ENDLESS)});
      setInterval(() => {
        const [one] = pool.status.processes;
        if (one?.counters.tokens > 0) console.log(one.pid);
      }, 50);`;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const pid = Number.parseInt(String(line), 10);
    expect(alive(pid)).toBe(true);
    server.kill('SIGKILL');
    await until(() => !alive(pid));
  });

  it('leaves no process behind, and refuses what comes later', async () => {
    const { pool } = open();
    await pool.rollout(NANO, TIC_TAC_TOE);
    const asked = Promise.allSettled([pool.evaluate(NANO, ENDLESS)]);
    await until(() => pool.status.requests === 1);
    const pids = pidsOf(pool);
    await pool.close();
    expect((await asked).map(codeOf)).toEqual(['closed']);
    expect(pids.map(alive)).toEqual([false]);
    await expect(pool.rollout(NANO, TIC_TAC_TOE)).rejects.toMatchObject({ code: 'closed' });
  });
});
