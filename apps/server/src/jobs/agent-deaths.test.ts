// A training of an agent whose process is killed: what was out is handed out again by the next one.

import { startTraining } from '@ludic/service';
import { afterEach, expect, it } from 'vitest';
import { Bench, ended, until } from '../../testing/jobs.ts';
import type { Jobs } from './jobs.ts';
import type { LentRollout } from './process/messages.ts';

const bench = new Bench();
afterEach(() => bench.clear());

const { signal } = new AbortController();

const post = (jobs: Jobs, id: string, { rollout_id, api_key }: LentRollout, path: string, body: object) =>
  jobs.askRollout(
    id,
    {
      method: 'POST',
      path: `/rollouts/${rollout_id}/${path}`,
      headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
    signal,
  );
const ask = { model: 'policy', messages: [{ role: 'user', content: 'Say a letter.' }] };

it('goes on, and no rollout counts twice', async () => {
  const jobs = await bench.open(await bench.folder());
  const request = startTraining.parse({
    model_name: 'nano',
    env_type: 'agent',
    output_dir: 'killed',
    tasks: [1, 2],
    batch_size: 4,
    group_size: 2,
    max_steps: 2,
    max_completion_length: 4,
    tensor_parallel_size: 1,
    eval_every: 0,
    eval_episodes: 1,
    save_every: 1,
  });
  const { job } = await jobs.submitTraining(request, 'ada');
  const id = job.job_id;
  let killed: LentRollout | undefined;
  let answered = 0;
  for (;;) {
    const lent = await jobs.nextRollout(id, 2000, signal).catch((error: Error) => {
      if (/has ended/.test(error.message)) return null;
      throw error;
    });
    if (lent === null) break;
    if (!lent) continue;
    expect((await post(jobs, id, lent, 'v1/chat/completions', ask)).status).toBe(200);
    await post(jobs, id, lent, 'reward', { id: 'a', reward: 1 });
    if (!killed && jobs.get(id).step === 1) {
      // It had its reward, but no end.
      killed = lent;
      process.kill(jobs.pidOf(id)!, 'SIGKILL');
      await until(() => jobs.get(id).attempts === 2);
      const late = await until(() =>
        post(jobs, id, lent, 'finish', { id: 'b', status: 'succeeded' }).catch(() => false as const),
      );
      expect(late.status).toBe(401);
      continue;
    }
    expect((await post(jobs, id, lent, 'finish', { id: 'b', status: 'succeeded' })).status).toBe(200);
    answered++;
  }
  expect(killed).toBeDefined();
  expect(answered).toBeGreaterThan(8);
  const done = await ended(jobs, id);
  expect(done).toMatchObject({ status: 'completed', step: 2, attempts: 2 });
  expect(done.latest).toMatchObject({ mean_reward: 1 });
}, 120_000);
