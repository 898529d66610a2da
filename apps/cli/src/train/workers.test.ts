// Workers as a user has them: any number on any day, Ctrl-C, and a run that is killed.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic, startLudic } from '../../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-workers-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const STEPS = 8;
const train = (name: string, ...more: readonly string[]) => [
  ...['train', '--out', join(scratch, name), '--env', 'tic_tac_toe', '--steps', String(STEPS)],
  ...['--group-size', '8', '--batch-size', '48', '--seed', '3', '--eval-every', '4', '--eval-episodes', '40'],
  ...['--save-every', '1', '--beta', '0.01', '--max-completion-length', '4', ...more],
];
const resume = (name: string, ...more: readonly string[]) => [
  'train',
  '--out',
  join(scratch, name),
  '--resume',
  ...more,
];
const configOf = async (name: string) => JSON.parse(await readFile(join(scratch, name, 'config.json'), 'utf8'));
const reached = async (name: string, step: number) =>
  (await readFile(join(scratch, name, 'metrics.jsonl'), 'utf8').catch(() => '')).includes(
    `"type":"step","step":${step},`,
  );

async function expectSameRun(name: string): Promise<void> {
  for (const file of ['final/model.safetensors', `checkpoints/step-00000${STEPS}/optimizer.safetensors`]) {
    const own = await readFile(join(scratch, name, file));
    expect(own.equals(await readFile(join(scratch, 'alone', file))), `${name}/${file}`).toBe(true);
  }
}

/** Processes that a process has started, where the system tells. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('ludic train --workers', { timeout: 120_000 }, () => {
  it('keeps in the run what decides its weights, and not how many workers there are', async () => {
    expect((await runLudic(...train('alone', '--shards', '3'))).code).toBe(0);
    const { code, stdout } = await runLudic(...train('three', '--workers', '3'));
    expect(code).toBe(0);
    const cores = availableParallelism();
    if (cores < 3) expect(stdout).toMatch(new RegExp(`instead of 3: the machine has ${cores} core`));
    else expect(stdout).toMatch(/3 workers share each update/);
    await expectSameRun('three');
    expect(await configOf('three')).toEqual(await configOf('alone'));
    expect(await configOf('three')).toMatchObject({ threads: 1, settings: { shards: 3 } });
    expect(JSON.stringify(await configOf('three'))).not.toMatch(/workers/i);
  });

  it.skipIf(!existsSync('/proc/self/stat'))(
    'leaves no worker behind when it is killed, and goes on with any number of them',
    async () => {
      const { process: child, finished } = startLudic(train('killed', '--workers', '2', '--shards', '3'));
      while (child.exitCode === null && !(await reached('killed', 2))) await sleep(5);
      const workers = childrenOf(child.pid!);
      expect(workers).toHaveLength(availableParallelism() === 1 ? 0 : 2);
      child.kill('SIGKILL');
      await finished;
      const left = () => workers.filter((pid) => existsSync(`/proc/${pid}`));
      for (let i = 0; i < 200 && left().length > 0; i++) await sleep(50);
      expect(left()).toEqual([]);
      const { process: again, finished: ended } = startLudic(resume('killed', '--workers', '1'));
      while (again.exitCode === null && !(await reached('killed', 5))) await sleep(5);
      again.kill('SIGKILL');
      await ended;
      expect((await runLudic(...resume('killed', '--workers', '2'))).code).toBe(0);
      await expectSameRun('killed');
    },
  );

  it('saves on a Ctrl-C that goes to all its processes', async () => {
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    // A group of processes of its own, as a terminal makes.
    const child = spawn(process.execPath, [main, ...train('stopped', '--workers', '2', '--shards', '3')], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    const finished = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (child.exitCode === null && !(await reached('stopped', 2))) await sleep(5);
    process.kill(-child.pid!, 'SIGINT');
    expect(await finished).toBe(130);
    expect(text).toMatch(/--out .*stopped --resume/);
    expect(text).not.toMatch(/A worker/);
    expect((await runLudic(...resume('stopped', '--workers', '2'))).code).toBe(0);
    await expectSameRun('stopped');
  });

  it('refuses other shards and threads than those of the run', async () => {
    const shards = await runLudic(...resume('alone', '--shards', '2'));
    expect(shards).toMatchObject({ code: 2, stderr: expect.stringMatching(/--shards 2 differs from the run's own 3/) });
    const threads = await runLudic(...resume('alone', '--threads', '2'));
    expect(threads).toMatchObject({ code: 2, stderr: expect.stringMatching(/--threads 2 differs from .* own 1/) });
    const many = await runLudic(...train('never', '--shards', '7'));
    expect(many).toMatchObject({ code: 2, stderr: expect.stringMatching(/shards is 7; it must be at most 6/) });
    expect(existsSync(join(scratch, 'never'))).toBe(false);
    expect((await runLudic(...resume('alone', '--threads', '1', '--shards', '3', '--workers', '2'))).code).toBe(0);
  });

  it('makes no shards for workers that have no group to play', async () => {
    const { code, stdout } = await runLudic(...train('many', '--workers', '9', '--steps', '1'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/instead of 9: the (machine|run) has/);
    expect((await configOf('many')).settings.shards).toBe(6);
  });
});
