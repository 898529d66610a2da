// Training with workers of other machines as a user has it: two commands, a run that is killed, a game in a file.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NATS_NEEDED, NATS_SERVER, NatsServer } from '../../../../packages/cluster/testing/nats-server.ts';
import { type RunningLudic, runLudic, startLudic } from '../../testing/run-ludic.ts';

const GAME = fileURLToPath(new URL('../../../../examples/larger.ts', import.meta.url));
const STEPS = 4;

describe.skipIf(!NATS_SERVER)(`ludic train --nats (${NATS_NEEDED})`, () => {
  let server: NatsServer;
  let scratch = '';
  const running: RunningLudic[] = [];
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'ludic-nats-'));
    server = await NatsServer.start();
  });
  afterEach(async () => {
    for (const { process } of running) process.kill('SIGTERM');
    const ended = await Promise.all(running.splice(0).map(({ finished }) => finished));
    expect(ended.map(({ code }) => code)).toEqual(ended.map(() => 0));
  });
  afterAll(async () => {
    await server?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const worker = (...more: readonly string[]) => {
    const started = startLudic(['worker', '--nats', server.url, '--threads', '1', ...more]);
    running.push(started);
    return started;
  };
  const train = (name: string, env: string, ...more: readonly string[]) => [
    ...['train', '--out', join(scratch, name), '--env', env, '--steps', String(STEPS), '--shards', '3'],
    ...['--group-size', '4', '--batch-size', '24', '--seed', '3', '--eval-every', '0', '--eval-episodes', '8'],
    ...['--save-every', '1', '--max-completion-length', '4', ...more],
  ];
  const reached = async (name: string, step: number) =>
    (await readFile(join(scratch, name, 'metrics.jsonl'), 'utf8').catch(() => '')).includes(`"step":${step},`);
  async function expectSameRun(name: string, as: string): Promise<void> {
    for (const file of ['final/model.safetensors', `checkpoints/step-00000${STEPS}/optimizer.safetensors`]) {
      const own = await readFile(join(scratch, name, file));
      expect(own.equals(await readFile(join(scratch, as, file))), `${name}/${file}`).toBe(true);
    }
  }

  it('goes on after it was killed, with the weights of one process', async () => {
    expect((await runLudic(...train('alone', 'tic_tac_toe'))).code).toBe(0);
    worker();
    const killed = startLudic(train('killed', 'tic_tac_toe', '--nats', server.url));
    while (killed.process.exitCode === null && !(await reached('killed', 2))) await sleep(5);
    killed.process.kill('SIGKILL');
    expect((await killed.finished).signal).toBe('SIGKILL');
    const again = await runLudic('train', '--out', join(scratch, 'killed'), '--resume', '--nats', server.url);
    expect(again.stderr).toBe('');
    expect(again.stdout).toMatch(/A worker on \S+ \(process \d+\) takes part/);
    await expectSameRun('killed', 'alone');
  });

  it('sends no code: a game in a file is played where that was named', async () => {
    worker();
    const far = startLudic(train('far', GAME, '--warm-start', '1', '--nats', server.url));
    let said = '';
    far.process.stdout!.on('data', (chunk) => (said += chunk));
    const needed = /leaves a shard to others: it does not know the game larger; start it with --env/;
    while (far.process.exitCode === null && !needed.test(said)) await sleep(20);
    worker('--env', GAME);
    expect((await far.finished).code).toBe(0);
    expect((await runLudic(...train('near', GAME, '--warm-start', '1'))).code).toBe(0);
    await expectSameRun('far', 'near');
  });

  it('says what is wrong with what it was given', async () => {
    const args = train('never', 'tic_tac_toe', '--nats');
    expect(await runLudic(...args, 'localhost')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/such as nats:/),
    });
    expect(await runLudic(...args, server.url, '--workers', '2')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/leave --workers out/),
    });
    expect(await runLudic('worker', '--nats', 'nats://127.0.0.1:1')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ludic: No NATS server at 127\.0\.0\.1:1 lets this program in/),
    });
  });
});
