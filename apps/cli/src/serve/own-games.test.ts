// ludic serve with games of files that lie in a folder without packages, as the real client meets them: listed, checked,
// trained in, evaluated, played; also after the server was started without them, or with another text.

import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashPassword } from '@ludic/server/hash';
import type { Rollout } from '@ludic/service';
import { LudicClient } from '@ludic/service/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLudic, startLudic } from '../../testing/run-ludic.ts';

type Trajectory = Rollout['trajectory'];
const PASSWORD = 'correct horse';
const folder = mkdtempSync(join(tmpdir(), 'ludic-served-games-'));
const games = join(folder, 'games');
let hash: string;
let server: (RunningLudic & { readonly client: LudicClient; readonly url: string }) | undefined;
beforeAll(async () => {
  hash = await hashPassword(PASSWORD);
  cpSync(new URL('../../testing/games', import.meta.url), games, { recursive: true });
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(...files: readonly string[]): Promise<LudicClient> {
  await stop();
  const env = files.flatMap((file) => ['--env', join(games, file)]);
  const flags = ['serve', '--port', '0', '--no-page', '--threads', '1', '--data', join(folder, 'data'), ...env];
  const started = startLudic(flags, { LUDIC_PASSWORD_HASH: hash });
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    started.process.stderr!.on('data', (text: Buffer) => {
      said += text;
      const address = /listens on (http:\S+);/.exec(said)?.[1];
      if (address) resolve(address);
    });
    void started.finished.then(({ stderr }) => reject(new Error(stderr)));
  });
  const client = new LudicClient({ baseUrl: url, password: PASSWORD });
  server = { ...started, client, url };
  return client;
}

async function stop(): Promise<void> {
  server?.process.kill('SIGTERM');
  await server?.finished;
  server = undefined;
}

async function ended(client: LudicClient, id: string) {
  const warnings: string[] = [];
  for await (const event of client.jobEvents(id))
    if (event.type === 'warning') warnings.push((event.data as { message: string }).message);
  return { job: await client.job(id), warnings };
}

const TRAINING = {
  model_name: 'nano',
  batch_size: 16,
  group_size: 8,
  max_steps: 2,
  max_completion_length: 4,
  eval_every: 2,
  eval_episodes: 8,
  tensor_parallel_size: 1,
};

it('offers them with their settings, and refuses what they do not take', async () => {
  const client = await start('hot-cold.ts', 'ice-walk.ts', 'sums.ts');
  const environments = await client.environments();
  const ids = environments.map(({ env_type }) => env_type);
  expect(ids).toEqual(['key_door', 'tic_tac_toe', 'hot_cold', 'ice_walk', 'sums', 'spoiled_sums']);
  expect(environments[2]).toMatchObject({
    title: 'Hot or cold',
    config_schema: { properties: { largest: { default: 9, maximum: 99 } } },
  });
  const document = (await client.openapi()) as unknown as {
    components: { schemas: Record<string, { properties: Record<string, object> }> };
  };
  expect(document.components.schemas.GenerateRollout!.properties.env_type).toMatchObject({ type: 'string', enum: ids });

  const wrong = client.generateRollout({ model_path: 'nano', env_type: 'hot_cold', env_config: { largest: 1 } });
  await expect(wrong).rejects.toMatchObject({ code: 'bad_request', details: [{ field: 'env_config' }] });
});

it.each([
  '../games/hot-cold.ts',
  'hot-cold.ts',
  './games/sums.ts#sums',
  'file:///etc/passwd',
  'openenv:ws://127.0.0.1:1',
  'lodash',
  '__proto__',
  'constructor',
  'sums\0',
  '',
])('takes no game from a request: %j', async (env_type) => {
  const { client } = server!;
  for (const asked of [
    client.generateRollout({ model_path: 'nano', env_type }),
    client.evaluatePolicy({ model_path: 'nano', env_type }),
    client.startTraining({ ...TRAINING, env_type, output_dir: 'never' }),
  ])
    await expect(asked).rejects.toMatchObject({
      code: 'bad_request',
      details: [{ field: 'env_type', message: expect.stringContaining('"sums"') }],
    });
  expect((await client.jobs()).length).toBe(0);
});

it('plays, evaluates and trains in them, in several processes', async () => {
  const { client } = server!;
  const rollout = await client.generateRollout({ model_path: 'nano', env_type: 'ice_walk', env_config: { size: 4 } });
  expect(rollout.trajectory.steps[0]!.observation).toContain('row 1, column 1');
  const { results } = await client.evaluatePolicy({ model_path: 'nano', env_type: 'sums', eval_episodes: 20 });
  expect(results).toMatchObject({ total_episodes: 20, failure_rate: 0 });

  const shared = { shards: 2, tensor_parallel_size: 2 };
  const { job_id } = await client.startTraining({
    ...TRAINING,
    ...shared,
    env_type: 'hot_cold',
    env_config: { largest: 5 },
    output_dir: 'warm',
  });
  const { job, warnings } = await ended(client, job_id);
  expect(job).toMatchObject({ status: 'completed', env_type: 'hot_cold', result: { model: 'warm', steps: 2 } });
  expect(warnings.join(' ')).not.toContain('changed');
  expect(JSON.stringify(job)).not.toContain(folder);
  const config = JSON.parse(readFileSync(join(folder, 'data/models/warm/config.json'), 'utf8'));
  expect(config.game).toMatchObject({ file: join(games, 'hot-cold.ts') });

  // What it was trained in holds for what is played with it.
  const again = await client.evaluatePolicy({ model_path: 'warm', env_type: 'hot_cold', eval_episodes: 4 });
  expect(again.env_config).toMatchObject({ largest: 5 });
}, 180_000);

it('ends the episodes in which a game misbehaves, and no others', async () => {
  const { client } = server!;
  const { job_id } = await client.startEvaluation({ model_path: 'nano', env_type: 'spoiled_sums', eval_episodes: 60 });
  const { job } = await ended(client, job_id);
  expect(job.status).toBe('completed');
  const episodes = await client.jobEpisodes(job_id);
  const played = episodes.map(({ trajectory }) => trajectory as Trajectory);
  const reasons = played.flatMap(({ error = [] }) => error);
  expect(reasons).toContainEqual(expect.stringMatching(/^reset of spoiled_sums .* failed: the beads fell down\.$/));
  expect(reasons).toContainEqual(expect.stringMatching(/^step of spoiled_sums .* failed: it returned 42, no step/));
  // Those that went well are the questions in which the game does nothing wrong.
  const asked = played.flatMap(({ steps: [first] }) => first?.observation ?? []);
  expect(asked.filter((sum) => /^[0369] |5$/.test(sum))).toEqual([]);
  expect(asked.length + reasons.length).toBe(60);
  const { failure_rate } = (job.result as { results: { failure_rate: number } }).results;
  expect(60 * failure_rate).toBeCloseTo(reasons.length);
  expect(failure_rate).toBeLessThan(1);

  const training = { ...TRAINING, env_type: 'spoiled_sums', output_dir: 'beads' };
  const trained = await ended(client, (await client.startTraining(training)).job_id);
  expect(trained.job).toMatchObject({ status: 'completed', step: 2 });
}, 180_000);

it('keeps a job until its game is named again, and tells of a changed file', async () => {
  const first = server!.client;
  const evaluation = { model_path: 'nano', env_type: 'sums', eval_episodes: 100_000, include_trajectories: false };
  const { job_id } = await first.startEvaluation(evaluation);
  const { job_id: queued } = await first.startEvaluation({ ...evaluation, eval_episodes: 10 });
  await expect.poll(async () => (await first.job(job_id)).status).toBe('running');

  const without = await start('hot-cold.ts');
  const waiting = await without.job(job_id);
  expect(waiting).toMatchObject({ status: 'queued', reason: expect.stringMatching(/waits for the game sums/) });
  expect((await without.job(queued)).status).toBe('queued');
  // Other jobs do not wait for it.
  const other = await without.startEvaluation({ model_path: 'nano', env_type: 'hot_cold', eval_episodes: 5 });
  expect((await ended(without, other.job_id)).job.status).toBe('completed');
  await without.cancelJob(job_id);
  const resumed = await without.resumeJob(job_id);
  expect(resumed).toMatchObject({ status: 'queued', reason: expect.stringMatching(/waits for the game sums/) });
  await without.cancelJob(job_id);

  appendFileSync(join(games, 'sums.ts'), '// Another line.\n');
  const { job, warnings } = await ended(await start('sums.ts'), queued);
  expect(job.status).toBe('completed');
  expect(warnings).toEqual([expect.stringMatching(/file of the game sums has changed/)]);
}, 180_000);

it('fails the job of a game that cannot be loaded any more, with its id', async () => {
  const { client } = server!;
  copyFileSync(join(games, 'sums.ts'), join(folder, 'kept.ts'));
  writeFileSync(join(games, 'sums.ts'), 'export default {{');
  const { job_id } = await client.startTraining({ ...TRAINING, env_type: 'sums', output_dir: 'broken' });
  const { job } = await ended(client, job_id);
  copyFileSync(join(folder, 'kept.ts'), join(games, 'sums.ts'));
  expect(job).toMatchObject({ status: 'failed', reason: expect.stringMatching(/^The game sums cannot be loaded/) });
  expect(job.reason).not.toContain(folder);
  await client.resumeJob(job_id);
  expect((await ended(client, job_id)).job.status).toBe('completed');
}, 180_000);

it('does not start with a file that is no game', async () => {
  mkdirSync(join(folder, 'other'));
  writeFileSync(join(folder, 'other/none.ts'), 'export default 5;');
  await expect(start('../other/none.ts')).rejects.toThrow(/default export must be/);
  const { code, stderr } = await startLudic(['serve', '--env', 'tic_tac_toe']).finished;
  expect([code, stderr]).toEqual([2, expect.stringMatching(/tic_tac_toe is one of Ludic's own games/)]);
});
