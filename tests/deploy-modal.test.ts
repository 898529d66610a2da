// The app for Modal, without Modal: what it declares, checked against a strict stand-in for Modal's interface, and its
// containers as processes of this machine.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  call,
  endAll,
  freePort,
  isHealthy,
  PASSWORD,
  PLAIN,
  passwordHash,
  ROLLOUT,
  ROOT,
  start,
  until,
} from './deploying.ts';

const FOLDER = join(ROOT, 'deploy/modal');
const DRIVER = join(FOLDER, 'testing/serve.py');
/** What Modal's runner adds to a request. */
const MODAL = { 'X-Forwarded-For': '203.0.113.7' };

const python = (...args: readonly string[]) =>
  spawnSync('python3', args, { encoding: 'utf8', env: { ...PLAIN, PYTHONDONTWRITEBYTECODE: '1' } });

let scratch = '';
let hash = '';
/** Health checks that came from outside, as the service asks them of itself. */
let asked = 0;
const outside = createServer((_, response) => {
  asked++;
  response.end('{}');
});
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'ludic-modal-'));
  hash = passwordHash();
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
});
/** The servers of containers, each the head of a session of its own. */
const servers = new Set<number>();
afterAll(() => {
  endAll();
  for (const server of servers) process.kill(-server, 'SIGKILL');
  outside.close();
  rmSync(scratch, { recursive: true, force: true });
}, 120_000);

describe('what is declared', () => {
  const { stdout, stderr } = python(DRIVER, 'describe');
  const declared = () => (stderr === '' ? JSON.parse(stdout) : expect.fail(stderr));

  it('two deployments at the addresses that clients derive', () => {
    expect(Object.keys(declared())).toEqual(['ludic-train', 'ludic-infer']);
    for (const [name, { classes, variable }] of Object.entries<Record<string, never>>(declared())) {
      const [{ methods, concurrency }] = Object.values<Record<string, never>>(classes!) as never[];
      expect(methods).toMatchObject({
        enter: ['enter', {}],
        serve: ['web_server', { port: 8000, label: `${name}-serve` }],
        exit: ['exit', {}],
      });
      expect(concurrency).toMatchObject({ max_inputs: 100 });
      expect(readFileSync(join(FOLDER, 'README.md'), 'utf8')).toContain(`deploy/modal/app.py::${variable}`);
    }
  });

  it('training has one container, all secrets, and the volume to itself', () => {
    const { options } = declared()['ludic-train'].classes.Train;
    expect(options).toMatchObject({
      max_containers: 1,
      timeout: 3600,
      scaledown_window: 300,
      secrets: {
        'ludic-auth-secret': ['LUDIC_PASSWORD_HASH'],
        'huggingface-secret': ['HF_TOKEN'],
        'wandb-secret': ['WANDB_API_KEY'],
      },
      volumes: { '/volume': { name: 'ludic-data', read_only: false, sub_path: null } },
    });
    expect(options.gpu).toBeTypeOf('string');
    expect(declared()['ludic-train'].functions.resume).toMatchObject({ minutes: 10 });
  });

  it('inference reads the models of the same volume and can change none', () => {
    expect(declared()['ludic-infer'].classes.Infer.options).toMatchObject({
      secrets: { 'ludic-auth-secret': ['LUDIC_PASSWORD_HASH'], 'huggingface-secret': ['HF_TOKEN'] },
      volumes: { '/data/models': { name: 'ludic-data', read_only: true, sub_path: 'models' } },
    });
  });

  it('the image gets what the Dockerfile copies, and is built as it is', () => {
    const { image } = declared()['ludic-train'];
    const copied = image.filter(([step]: string[]) => step!.startsWith('add_local')).map((step: string[]) => step[2]);
    const dockerfile = readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8');
    for (const path of copied) {
      const name = path.startsWith('/app/') ? path.slice('/app/'.length) : 'deploy/nvidia_icd.json';
      expect(dockerfile).toMatch(new RegExp(`^COPY .*${RegExp.escape(name)}`, 'm'));
    }
    expect(copied).toHaveLength(8);
    expect(image.at(-1)).toEqual(['run_commands', ['sh /app/deploy/build.sh --slim']]);
    expect(dockerfile).toContain('RUN sh deploy/build.sh --slim');
  });

  it('the stand-in refuses what Modal does not know', () => {
    for (const [code, complaint] of [
      ['modal.App("a").cls(gpus="L4")', 'gpus'],
      ['modal.App("a").function(timeout=0)', 'timeout'],
      ['modal.web_server(0)', 'port'],
      ['modal.Secret.from_name("a", keys=[])', 'keys'],
      ['modal.concurrent(max_inputs=1, target_inputs=2)', 'target_inputs'],
    ] as const) {
      const { status, stderr: said } = python(
        '-c',
        `import sys; sys.path.insert(0, "${FOLDER}/testing"); import modal; ${code}`,
      );
      expect(status).toBe(1);
      expect(said).toContain(complaint);
    }
  });
});

/** A container: its own disk, empty at first, and the volume. */
async function container(kind: 'train' | 'infer', volume: string, more: Readonly<Record<string, unknown>> = {}) {
  const data = mkdtempSync(join(scratch, `${kind}-`));
  if (kind === 'infer') symlinkSync(join(volume, 'models'), join(data, 'models'));
  const port = await freePort();
  const { port: outsidePort } = outside.address() as AddressInfo;
  const url = `http://127.0.0.1:${outsidePort}`;
  const settings = {
    ...{ APP: ROOT, DATA: data, VOLUME: volume, PORT: port, SAVE_SECONDS: 0.2, JOB_TIMEOUT: 0 },
    URLS: { 'ludic-train/Train': url, 'ludic-infer/Infer': url },
    ...more,
  };
  const env = { ...PLAIN, LUDIC_PASSWORD_HASH: hash, LUDIC_PASSWORDS: `ada:${hash}\n`, PYTHONDONTWRITEBYTECODE: '1' };
  const runner = start('python3', [DRIVER, kind, JSON.stringify(settings)], { cwd: scratch, env });
  const base = `http://127.0.0.1:${port}`;
  await until('the container answers', () => isHealthy(base), 90);
  const server = Number(/"server": (\d+)/.exec(runner.output())![1]);
  servers.add(server);
  void runner.ended.then((code) => code === 0 && servers.delete(server));
  return {
    base,
    settings,
    /** As Modal ends a container. */
    async end() {
      runner.process.stdin!.end();
      await runner.ended;
      return JSON.parse(/^\{"commits".*$/m.exec(runner.output())![0]);
    },
    /** As a machine is lost. */
    async lose() {
      runner.process.kill('SIGKILL');
      process.kill(-server, 'SIGKILL');
      servers.delete(server);
      await runner.ended;
    },
  };
}

const TRAINING = {
  ...{ model_name: 'nano', env_type: 'tic_tac_toe', learning_rate: 0.001, batch_size: 16, group_size: 4 },
  ...{ eval_episodes: 10, tensor_parallel_size: 1, save_every: 1 },
};
/** What the function prints that looks for jobs that are left. */
async function resume(settings: object): Promise<string> {
  const run = start('python3', [DRIVER, 'resume', JSON.stringify(settings)], { cwd: scratch, env: PLAIN });
  expect(await run.ended).toBe(0);
  return run.output();
}
const jobOf = async (base: string, id: string) =>
  (await call(base, `/jobs/${id}`, undefined, MODAL)).body as never as { status: string; step: number };

async function completed(base: string, id: string): Promise<void> {
  let job = await jobOf(base, id);
  const ends = async () => !['queued', 'running'].includes((job = await jobOf(base, id)).status);
  await until('the job ends', ends, 180).catch((error: Error) =>
    expect.fail(`${error.message}: ${JSON.stringify(job)}`),
  );
  expect(job).toMatchObject({ status: 'completed' });
}

describe('a deployment', () => {
  it('serves the contract to what comes through Modal, trains, and hands the model to inference', async () => {
    const volume = join(scratch, 'volume');
    const train = await container('train', volume);
    expect((await call(train.base, '/generate-rollout', ROLLOUT, MODAL)).status).toBe(200);
    expect(
      (await call(train.base, '/generate-rollout', ROLLOUT, { ...MODAL, 'X-Forwarded-Proto': 'https' })).status,
    ).toBe(200);
    expect(
      (await call(train.base, '/generate-rollout', ROLLOUT, { ...MODAL, 'X-Forwarded-Proto': 'http' })).status,
    ).toBe(400);
    expect((await call(train.base, '/jobs', undefined, { ...MODAL, Authorization: 'Bearer wrong' })).status).toBe(401);
    const ada = { ...MODAL, Authorization: `Bearer ada:${PASSWORD}` };
    expect((await call(train.base, '/jobs', undefined, ada)).status).toBe(200);
    const { status, body } = await call(
      train.base,
      '/start-training',
      { ...TRAINING, output_dir: 'first', max_steps: 2 },
      MODAL,
    );
    expect(status).toBe(202);
    await completed(train.base, body.job_id!);
    expect(asked).toBe(0);
    const { code, commits } = await train.end();
    expect(code).toBe(0);
    expect(commits).toContain('ludic-data');
    expect(existsSync(join(volume, 'models/first/final'))).toBe(true);

    // Modal creates the folder that is mounted.
    mkdirSync(join(volume, 'models'), { recursive: true });
    const infer = await container('infer', volume, { REFRESH_SECONDS: 0.2 });
    const evaluation = { model_path: 'first', env_type: 'tic_tac_toe', eval_episodes: 3, include_trajectories: false };
    expect(await call(infer.base, '/evaluate-policy', evaluation, MODAL)).toMatchObject({
      status: 200,
      body: { results: { total_episodes: 3 } },
    });
    const ended = await infer.end();
    expect(ended).toMatchObject({ code: 0, commits: [] });
    expect(ended.reloads.length).toBeGreaterThan(0);
  }, 180_000);

  it.each(['end', 'lose'] as const)(
    'a job goes on in another container when its own comes to its %s',
    async (how) => {
      const volume = join(scratch, `volume-${how}`);
      asked = 0;
      const first = await container('train', volume, { SCALEDOWN_WINDOW: 2 });
      expect(asked).toBe(0);
      const { body } = await call(
        first.base,
        '/start-training',
        { ...TRAINING, output_dir: 'long', max_steps: 6 },
        MODAL,
      );
      await until('a step is done', async () => (await jobOf(first.base, body.job_id!)).step >= 1);
      await until('the service asks itself while a job runs', () => asked > 0);
      await until('the volume knows of the job', () => existsSync(join(volume, 'ludic.db')));
      await first[how]();

      asked = 0;
      expect(await resume(first.settings)).toContain('1 jobs are left');
      expect(asked).toBe(1);
      const second = await container('train', volume);
      await completed(second.base, body.job_id!);
      expect((await second.end()).code).toBe(0);
      const lines = readFileSync(join(volume, 'models/long/metrics.jsonl'), 'utf8').trim().split('\n');
      const steps = lines.map((line) => JSON.parse(line)).filter((line) => line.type === 'step');
      expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 6 }, (_, index) => index + 1));
      expect(await resume(first.settings)).toBe('');
      expect(asked).toBe(1);
    },
    240_000,
  );
});
