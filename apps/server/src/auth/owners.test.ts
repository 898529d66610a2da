// Two names and an admin at one server: each has their own jobs and models, and what is another's is not there.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startService, type TestService } from '../../testing/service.ts';
import { hashOf } from './testing.ts';

const NAMES = ['ada', 'ben', 'root'] as const;
type Name = (typeof NAMES)[number];
let scratch: string;
let service: TestService;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-owners-'));
  const file = join(scratch, 'passwords');
  const lines = await Promise.all(NAMES.map(async (name) => `${name}:${await hashOf(`password of ${name}`)}`));
  await writeFile(file, lines.join('\n'));
  service = await startService({
    passwordHash: undefined,
    passwordFile: file,
    admins: ['root'],
    jobsPerName: { running: 1, queued: 2 },
  });
  await cp(fileURLToPath(NANO_FOLDER), join(service.folder, 'data/models/before'), { recursive: true });
}, 60_000);
afterAll(async () => {
  await service.close();
  await rm(scratch, { recursive: true });
}, 60_000);

const ask = async (name: Name, path: string, body?: object, method = body ? 'POST' : 'GET') => {
  const authorization = `Bearer ${name}:password of ${name}`;
  const init = body ? { body: JSON.stringify(body) } : {};
  const answer = await service.ask(path, {
    method,
    ...init,
    headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
  });
  const text = await answer.text();
  return { status: answer.status, text, json: () => JSON.parse(text) };
};
const train = (name: Name, output_dir: string, more: object = {}) =>
  ask(name, '/start-training', {
    model_name: 'nano',
    env_type: 'tic_tac_toe',
    batch_size: 4,
    group_size: 2,
    max_steps: 1,
    eval_episodes: 4,
    tensor_parallel_size: 1,
    output_dir,
    ...more,
  });
const modelsOf = async (name: Name) =>
  (await ask(name, '/models')).json().models.map((model: { name: string }) => model.name);

it("keeps each person's jobs and models apart, and shows all to an admin", async () => {
  const { job_id: id } = (await train('ada', 'of-ada')).json();
  await ask('ada', `/jobs/${id}/events`);
  expect((await ask('ada', `/jobs/${id}`)).json()).toMatchObject({
    status: 'completed',
    owner: 'ada',
    queue_place: null,
  });

  const job = ['', '/metrics', '/logs', '/episodes', '/events'].map((end) => ['GET', `/jobs/${id}${end}`] as const);
  const model = [
    ['GET', '/models/of-ada'],
    ['GET', '/models/of-ada/config.json'],
    ['DELETE', '/models/of-ada'],
    ['POST', `/jobs/${id}/cancel`],
    ['POST', `/jobs/${id}/resume`],
  ] as const;
  for (const [method, path] of [...job, ...model])
    expect([path, (await ask('ben', path, undefined, method)).status]).toEqual([path, 404]);
  const game = { env_type: 'tic_tac_toe', model_path: '/tmp/../of-ada' };
  for (const model_path of ['of-ada', '/of-ada', 'before']) {
    expect((await ask('ben', '/generate-rollout', { ...game, model_path })).status).toBe(404);
    expect((await ask('ben', '/evaluate-policy', { ...game, model_path, async: true })).status).toBe(404);
    expect((await train('ben', 'of-ben', { model_name: model_path })).status).toBe(404);
    const chat = { model: model_path, messages: [{ role: 'user', content: 'Move.' }], max_tokens: 1 };
    expect((await ask('ben', '/v1/chat/completions', chat)).status).toBe(404);
  }
  expect((await train('ben', 'of-ada')).status).toBe(409);
  expect((await ask('ben', '/jobs')).json().jobs).toEqual([]);
  expect(await modelsOf('ben')).toEqual(['nano']);
  expect(JSON.parse((await ask('ben', '/v1/models')).text).data.map((each: { id: string }) => each.id)).toEqual([
    'nano',
  ]);

  expect(await modelsOf('ada')).toEqual(['nano', 'of-ada']);
  expect(await modelsOf('root')).toEqual(['nano', 'before', 'of-ada']);
  expect((await ask('root', '/jobs')).json().jobs).toMatchObject([{ job_id: id }]);
  expect((await ask('root', `/jobs/${id}/logs`)).status).toBe(200);
  expect((await ask('root', '/generate-rollout', { ...game, model_path: 'before' })).status).toBe(200);

  // A name that was freed is another's, and the first owner's job tells nothing of it.
  expect((await ask('ada', '/models/of-ada', undefined, 'DELETE')).status).toBe(200);
  const second = (await train('ben', 'of-ada')).json().job_id;
  await ask('ben', `/jobs/${second}/events`);
  expect(await modelsOf('ada')).toEqual(['nano']);
  expect((await ask('ben', `/jobs/${second}/metrics`)).json().steps).toHaveLength(1);
  expect((await ask('ada', `/jobs/${id}/metrics`)).json().steps).toEqual([]);
  expect((await ask('ada', `/jobs/${id}/episodes`)).text).toBe('');
  expect((await ask('ada', '/models/of-ada', undefined, 'DELETE')).status).toBe(404);
}, 240_000);

it('lets each have so many jobs, says where they are in the queue, and limits no admin', async () => {
  const long = { max_steps: 1000 };
  const ids: string[] = [];
  for (const end of ['1', '2', '3']) ids.push((await train('ada', `long-${end}`, long)).json().job_id);
  await expect
    .poll(
      async () =>
        (await ask('ada', '/jobs'))
          .json()
          .jobs.slice(0, 3)
          .map((job: { status: string }) => job.status),
      {
        timeout: 60_000,
      },
    )
    .toEqual(['queued', 'queued', 'running']);
  expect((await ask('ada', `/jobs/${ids[2]}`)).json()).toMatchObject({ queue_place: 2 });
  const refused = await train('ada', 'long-4', long);
  expect(refused.status).toBe(429);
  expect(refused.text).toContain('the first is number 1 in the queue');
  expect((await train('ben', 'other', long)).status).toBe(202);
  for (const end of ['1', '2', '3']) expect((await train('root', `root-${end}`, long)).status).toBe(202);
  for (const { job_id } of (await ask('root', '/jobs?limit=7')).json().jobs)
    await ask('root', `/jobs/${job_id}/cancel`, {});
}, 240_000);
