// Agents of other programs train over HTTP with a true server: what they are handed, what they earn, and what becomes of
// those that die, repeat themselves, hold a wrong key or wait for a job that is cancelled.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LudicClient } from '@ludic/service/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../testing/jobs.ts';
import { PASSWORD, startService, type TestService } from '../../testing/service.ts';

let service: TestService;
let client: LudicClient;
beforeAll(async () => {
  service = await startService();
  client = new LudicClient({ baseUrl: service.url, password: PASSWORD });
}, 60_000);
afterAll(() => service.close());

const TASKS = [{ wanted: 'a', long: 'x'.repeat(1000) }, { wanted: 'e' }];
const request = (output_dir: string, more = {}) => ({
  model_name: 'nano',
  env_type: 'agent',
  output_dir,
  tasks: TASKS,
  batch_size: 8,
  group_size: 4,
  max_steps: 2,
  max_completion_length: 4,
  tensor_parallel_size: 1,
  eval_every: 0,
  eval_episodes: 2,
  seed: 3,
  ...more,
});

type Handed = NonNullable<Awaited<ReturnType<LudicClient['nextRollout']>>>;

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string | null } }[];
  readonly usage: { readonly completion_tokens: number };
}

async function post(address: string, key: string, body: object) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    json: (await response.json()) as Answer,
  };
}
const chat = ({ base_url, api_key }: Handed, content = 'Say a letter.') =>
  post(`${base_url}/chat/completions`, api_key, { model: 'policy', messages: [{ role: 'user', content }] });
const beside = ({ base_url, api_key }: Handed, path: string, body: object) =>
  post(new URL(`../${path}`, `${base_url}/`).href.replace('/v1/', '/'), api_key, body);

/** One rollout from its first request to its end. */
async function work(handed: Handed): Promise<void> {
  const { json } = await chat(handed);
  const text = json.choices[0]!.message.content ?? '';
  const { wanted } = handed.task as { wanted: string };
  await beside(handed, 'reward', {
    id: 'end',
    reward: text.includes(wanted) ? 1 : 0,
    metrics: { letters: text.length },
  });
  await beside(handed, 'finish', { id: 'done', status: 'succeeded' });
}

/** Works until the job has ended. @returns what it was handed */
async function agent(id: string, act: (handed: Handed) => Promise<void> = work): Promise<Handed[]> {
  const all: Handed[] = [];
  for (;;) {
    const handed = await client.nextRollout(id, { wait_seconds: 2 }).catch((error: Error) => {
      if (/has ended/.test(error.message)) return undefined;
      throw error;
    });
    if (handed === undefined) return all;
    if (handed === null) continue;
    all.push(handed);
    await act(handed);
  }
}

it('train a model, while one dies with a rollout, and no reward counts twice', async () => {
  const { job_id: id } = await client.startTraining(request('trained', { lease_seconds: 1 }));
  let died: Handed | undefined;
  let repeated: Handed | undefined;
  const statuses: unknown[] = [];
  const act = async (handed: Handed) => {
    if (!died) {
      died = handed;
      await chat(handed);
      return;
    }
    if (!repeated && handed.rollout_id !== died.rollout_id) {
      repeated = handed;
      await chat(handed);
      for (const reward of [0.25, 0.25]) statuses.push((await beside(handed, 'reward', { id: 'same', reward })).json);
      statuses.push((await beside(handed, 'reward', { id: 'more', reward: 0.5, turn: 0 })).json);
      statuses.push((await beside(handed, 'reward', { id: 'late', reward: 1, turn: 1 })).status);
      statuses.push((await beside(handed, 'reward', { id: 'odd', reward: '1' })).status);
      for (const _ of [1, 2]) statuses.push((await beside(handed, 'finish', { id: 'f', status: 'succeeded' })).json);
      statuses.push((await chat(handed)).status);
      return;
    }
    await work(handed);
  };
  const handed = (await Promise.all([agent(id, act), agent(id)])).flat();
  const job = await client.job(id);
  expect(job).toMatchObject({ status: 'completed', step: 2 });
  // Tasks may be large, and jobs are listed often.
  expect(JSON.stringify(job)).not.toContain('xxxx');
  expect(statuses).toEqual([
    { status: 'counted' },
    { status: 'repeated' },
    { status: 'counted' },
    400,
    400,
    { status: 'finished' },
    { status: 'repeated' },
    410,
  ]);
  expect(new Set(handed.map(({ rollout_id }) => rollout_id)).size).toBe(handed.length);
  const again = handed.filter(({ attempt }) => attempt === 2);
  expect(again.map(({ group, task }) => ({ group, task }))).toEqual([{ group: died!.group, task: died!.task }]);
  for (const one of handed) expect(one.base_url).toMatch(new RegExp(`^${service.url}/jobs/${id}/rollouts/`));
  const episodes = await client.jobEpisodes(id);
  expect(episodes.length).toBeGreaterThan(0);
  const { steps } = await client.jobMetrics(id);
  expect(steps).toHaveLength(2);
  for (const step of steps) expect(step).toHaveProperty('game_letters');
  // No key is written down.
  const log = service.log.join('');
  for (const { api_key } of handed) expect(log).not.toContain(api_key);
}, 240_000);

it('are let in by the key of their rollout alone, until it ends', async () => {
  const { job_id: id } = await client.startTraining(request('keys'));
  const [one, two] = [await take(id), await take(id)];
  const mixed = { ...one, api_key: two.api_key };
  for (const wrong of [{ ...one, api_key: 'ludic-0' }, mixed, { ...one, api_key: PASSWORD }]) {
    expect((await chat(wrong)).status).toBe(401);
    expect((await beside(wrong, 'reward', { id: 'a', reward: 1 })).status).toBe(401);
    expect((await beside(wrong, 'finish', { id: 'a', status: 'succeeded' })).status).toBe(401);
  }
  expect((await chat(one)).status).toBe(200);
  const streamed = await fetch(`${one.base_url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${one.api_key}` },
    body: JSON.stringify({ model: 'policy', stream: true, messages: [{ role: 'user', content: 'Again.' }] }),
  });
  expect(streamed.headers.get('content-type')).toMatch(/event-stream/);
  expect(await streamed.text()).toMatch(/^data: \{.*data: \[DONE\]\s*$/s);
  // The key of a rollout is no password.
  const jobs = await fetch(`${service.url}/jobs`, { headers: { authorization: `Bearer ${one.api_key}` } });
  expect(jobs.status).toBe(401);
  const asked = await fetch(`${service.url}/jobs/${id}/rollouts`, {
    method: 'POST',
    headers: { host: 'evil.example' },
  });
  expect(asked.status).toBe(401);
  expect((await beside(one, 'finish', { id: 'a', status: 'failed', reason: 'a tool broke' })).status).toBe(200);
  expect([401, 410]).toContain((await chat(one)).status);
  await client.cancelJob(id);
  await until(async () => (await client.job(id)).status === 'cancelled');
  expect((await chat(two)).status).toBe(404);
}, 120_000);

it('fail three times before a rollout counts as failed, which is not trained on', async () => {
  const { job_id: id } = await client.startTraining(
    request('failing', { batch_size: 4, max_steps: 1, eval_episodes: 1 }),
  );
  const failures: number[] = [];
  await agent(id, async (handed) => {
    const { usage } = (await chat(handed)).json;
    // The first rollouts find out how long prompts are: no model answers them.
    const isTrained = usage.completion_tokens > 0;
    const fails = isTrained && (failures.length === 0 || handed.attempt > 1);
    if (fails) failures.push(handed.attempt);
    await beside(handed, 'reward', { id: 'a', reward: 1 });
    await beside(handed, 'finish', { id: 'b', status: fails ? 'failed' : 'succeeded', reason: 'a tool broke' });
  });
  expect(failures).toEqual([1, 2, 3]);
  const { steps } = await client.jobMetrics(id);
  expect(steps).toMatchObject([{ failure_rate: 0.25, first_failure: expect.stringContaining('a tool broke') }]);
  expect(await client.job(id)).toMatchObject({ status: 'completed', step: 1 });
}, 120_000);

it('reach the server where its settings say', async () => {
  await using other = await startService({ publicUrl: 'https://ludic.example/api' });
  const there = new LudicClient({ baseUrl: other.url, password: PASSWORD });
  const { job_id: id } = await there.startTraining(request('elsewhere'));
  const handed = await until(async () => (await there.nextRollout(id)) ?? undefined);
  expect(handed.base_url).toBe(`https://ludic.example/api/jobs/${id}/rollouts/${handed.rollout_id}/v1`);
  await there.cancelJob(id);
}, 120_000);

it('are told when the job that they wait for is cancelled', async () => {
  const { job_id: id } = await client.startTraining(request('cancelled'));
  // All that the training wants before its first replies are out, so that the next one to ask waits.
  for (;;) if (!(await client.nextRollout(id, { wait_seconds: 5 }))) break;
  const waiting = Promise.all([1, 2].map(() => client.nextRollout(id, { wait_seconds: 60 }).catch((e: Error) => e)));
  await sleep(200);
  await client.cancelJob(id);
  for (const answer of await waiting) expect((answer as Error).message).toMatch(/has ended: it is cancelled/);
}, 120_000);

it('need tasks, and nothing but their training plays them', async () => {
  const { tasks: _, ...without } = request('none');
  await expect(client.startTraining(without)).rejects.toThrow('An agent needs tasks');
  await expect(client.startTraining({ ...request('none'), env_type: 'tic_tac_toe' })).rejects.toThrow(
    'a game has its own',
  );
  const played = { model_path: 'nano', env_type: 'agent' };
  await expect(client.evaluatePolicy(played)).rejects.toThrow('handed out while it trains');
  await expect(client.generateRollout(played)).rejects.toThrow('handed out while it trains');
  expect((await client.environments()).map(({ env_type }) => env_type)).not.toContain('agent');
  const { job_id: id } = await client.startTraining({ ...request('game'), tasks: undefined, env_type: 'tic_tac_toe' });
  await expect(client.nextRollout(id)).rejects.toThrow('Only a training with env_type agent');
  await client.cancelJob(id);
});

it('may be the Python of the guide', async () => {
  const guide = await readFile(new URL('../../../../docs/guide.md', import.meta.url), 'utf8');
  const script = [...guide.matchAll(/^```python\n(.*?)^```$/gms)]
    .map(([, text]) => text!)
    .find((text) => text.includes('/rollouts'))!;
  const env = { ...process.env, LUDIC_BASE_URL: service.url, LUDIC_PASSWORD: PASSWORD };
  const python = spawn('python3', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [err] = await Promise.all([python.stderr.toArray(), once(python, 'close')]);
  expect(Buffer.concat(err).toString()).toBe('');
  const job = (await client.jobs()).find(({ output_dir }) => output_dir === 'my-agent');
  expect(job).toMatchObject({ status: 'completed', step: 2 });
}, 120_000);

async function take(id: string): Promise<Handed> {
  return until(async () => (await client.nextRollout(id)) ?? undefined);
}
