// A run of nano that is tracked, as a user starts it: to a server that answers as W&B's API does, and for TensorBoard.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENTITY, WANDB_KEY, WandbServer } from '../../../../packages/tracking/testing/wandb-server.ts';
import { startLudic } from '../../testing/run-ludic.ts';

let scratch = '';
let server: WandbServer;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-tracking-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  server = await WandbServer.start();
});
afterEach(() => server.goAway());

const STEPS = 6;
const settings =
  `--env tic_tac_toe --steps ${STEPS} --group-size 4 --batch-size 16 --eval-every 2 --eval-episodes 10 --save-every 2 --threads 1`.split(
    ' ',
  );
const WANDB = ['--wandb-project', 'games'];
const out = (name: string) => join(scratch, name);
const start = (args: readonly string[], key = WANDB_KEY) =>
  startLudic(args, { WANDB_API_KEY: key, WANDB_BASE_URL: server.baseUrl, WANDB_ENTITY: '' });
const ludic = (args: readonly string[], key?: string) => start(args, key).finished;
const train = (name: string) => ['train', '--out', out(name), ...settings];
const resume = (name: string) => ['train', '--out', out(name), '--resume', '--threads', '1'];

interface Line {
  readonly type: string;
  readonly step: number;
  readonly mean_reward?: number;
}

const metricsOf = async (name: string): Promise<Line[]> =>
  (await readFile(join(out(name), 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** W&B has the steps and evaluations of metrics.jsonl, each once, in their order. */
async function expectWhole(name: string): Promise<void> {
  expect(server.complaints).toEqual([]);
  const { history } = server.run;
  expect(history.map((line) => line._step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  for (const { type, step, mean_reward } of await metricsOf(name)) {
    const line = history[step - 1]!;
    expect(line[type === 'step' ? 'train/mean_reward' : 'eval/mean_reward']).toBe(mean_reward);
  }
  expect(history.filter((line) => 'eval/mean_reward' in line)).toHaveLength(STEPS / 2);
}

describe('ludic train --wandb-project --tensorboard', () => {
  it('tells W&B everything and writes event files', async () => {
    const { code, stdout, stderr } = await ludic([...train('whole'), ...WANDB, '--tensorboard']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Tracked at ${server.baseUrl}/${ENTITY}/games/runs/[0-9a-z]{8}\n`));
    expect(stdout).not.toContain(WANDB_KEY);
    await expectWhole('whole');
    expect(server.run.exits).toEqual([0]);
    expect(server.run.config).toMatchObject({ environment: { value: 'tic_tac_toe' }, batch_size: { value: 16 } });
    const names = await readdir(join(out('whole'), 'tensorboard'));
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    for (const file of ['settings.json', 'wandb.json'])
      expect(await readFile(join(out('whole'), 'tracking', file), 'utf8')).not.toContain(WANDB_KEY);
  });

  it('trains the same weights whether or not it is told', async () => {
    await ludic(train('untold'));
    const weights = (name: string) => readFile(join(out(name), 'final', 'model.safetensors'));
    expect((await weights('untold')).equals(await weights('whole'))).toBe(true);
    expect(await readdir(out('untold'))).not.toContain('tracking');
  });

  it.each([1, 3, 5])('arrives whole after a kill in step %i and a resume', async (steps) => {
    const name = `killed-${steps}`;
    const { process: child, finished } = start([...train(name), ...WANDB, '--tensorboard']);
    const reached = async () =>
      (await readFile(join(out(name), 'metrics.jsonl'), 'utf8').catch(() => '')).includes(`"step":${steps},`);
    while (child.exitCode === null && !(await reached())) await sleep(5);
    child.kill('SIGKILL');
    expect((await finished).signal).toBe('SIGKILL');
    // The names are in the run's folder: they need not be given again.
    const { code, stdout } = await ludic(resume(name));
    expect(code).toBe(0);
    expect(stdout).toMatch(/Tracked at/);
    await expectWhole(name);
    expect(server.run.exits).toEqual([0]);
    expect(await readdir(join(out(name), 'tensorboard'))).toHaveLength(2);
  });

  it('trains to its end where the server fails half-way, and ludic sync sends the rest', async () => {
    let streams = 0;
    server.fault = ({ kind }) => (kind === 'stream' && ++streams > 1 ? { kind: 'cut', after: 'nothing' } : undefined);
    const { process: child, finished } = start([...train('half'), ...WANDB]);
    while (child.exitCode === null && streams < 2) await sleep(5);
    await server.goAway();
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/not reached W&B\. Nothing is lost: send it later with npm run ludic -- sync .*half\n/);
    expect(stdout).toMatch(/Done: /);
    server.fault = () => undefined;
    const gone = await ludic(['sync', out('half')], 'no-key');
    expect(gone.code).toBe(2);
    expect(gone.stderr).toMatch(/holds no key of W&B/);
    await server.comeBack();
    const sent = await ludic(['sync', out('half'), '--json']);
    expect(JSON.parse(sent.stdout)).toMatchObject({ steps: STEPS });
    await expectWhole('half');
    expect(server.run.exits).toEqual([0]);
  }, 120_000);

  it('says that W&B will not be told without a key, and trains', async () => {
    const { code, stdout } = await ludic([...train('keyless'), ...WANDB], '');
    expect(code).toBe(0);
    expect(stdout).toMatch(/will not be tracked at W&B: WANDB_API_KEY is not set/);
    expect(server.asked).toEqual([]);
    await ludic(['sync', out('keyless')]);
    await expectWhole('keyless');
  });

  it.each([
    [() => [...train('never'), '--wandb-project', 'a/b'], /is no name of a W&B project/],
    [() => [...train('never'), '--wandb-entity', 'me'], /--wandb-entity needs --wandb-project/],
    [() => [...resume('whole'), '--wandb-project', 'other'], /project games, and cannot go on in other/],
    [() => ['sync', out('untold')], /has no W&B project/],
    [() => ['sync', out('nowhere')], /is no run/],
  ])('answers bad input %# with one clear sentence and exit code 2', async (args, message) => {
    const { code, stderr } = await ludic(args());
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });
});
