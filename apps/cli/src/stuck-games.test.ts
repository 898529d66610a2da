// A game that never comes back: the program ends with its name, and a run goes on once the game is mended.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLudic } from '../testing/run-ludic.ts';

const GAME = pathToFileURL(join(import.meta.dirname, '../../../packages/environments/testing/endless-game.ts')).href;
const STUCK = /step of endless at turn \d+ \(seed \d+, dynamics seed \d+\) has not come back for 3 seconds/;

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-stuck-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** @param from number of the step, in its process, that does not come back */
const ludic = (args: readonly string[], from: number, once?: string) =>
  startLudic([...args, '--step-timeout', '3'], {
    NODE_OPTIONS: `--import=${GAME}`,
    ENDLESS_FROM: String(from),
    ...(args.includes('--workers') && { ENDLESS_IN: 'workers' }),
    ...(once !== undefined && { ENDLESS_ONCE: once }),
  }).finished;
const train = (name: string, ...more: readonly string[]) => [
  ...['train', '--out', join(scratch, name), '--env', 'endless', '--steps', '3', '--group-size', '4'],
  ...['--batch-size', '16', '--eval-every', '0', '--eval-episodes', '8', '--save-every', '1'],
  ...['--max-completion-length', '4', ...more],
];
const resume = (name: string) => ['train', '--out', join(scratch, name), '--resume'];
const NEVER = 1e9;

describe('a game that never comes back', { timeout: 120_000 }, () => {
  it('ends an evaluation, with game, turn and seeds', async () => {
    const { signal, stderr } = await ludic(['evaluate', '--env', 'endless', '--episodes', '20'], 30);
    expect(signal).toBe('SIGKILL');
    expect(stderr).toMatch(STUCK);
  });

  it('ends what is watched, and what is taught', async () => {
    const watch = ['play', '--env', 'endless', '--watch', 'random', '--delay', '0'];
    const teach = ['warmup', '--env', 'endless', '--steps', '1', '--episodes', '4', '--out', join(scratch, 'taught')];
    for (const { signal, stderr } of await Promise.all([ludic(watch, 1), ludic(teach, 1)])) {
      expect(signal).toBe('SIGKILL');
      expect(stderr).toMatch(STUCK);
    }
    expect(existsSync(join(scratch, 'taught'))).toBe(false);
  });

  it('ends a training, which goes on from its checkpoint', async () => {
    const { signal, stderr } = await ludic(train('alone'), 120);
    expect(signal).toBe('SIGKILL');
    expect(stderr).toMatch(STUCK);
    expect(stderr).toMatch(/go on with: .* --resume/);
    const after = await ludic(resume('alone'), NEVER);
    expect(after.stderr).toBe('');
    expect(after.code).toBe(0);
    expect(existsSync(join(scratch, 'alone/final/model.safetensors'))).toBe(true);
  });

  it.skipIf(availableParallelism() < 2)('is tried once more in another worker', async () => {
    const { code, stdout } = await ludic(train('once', '--workers', '2'), 20, join(scratch, 'was-endless'));
    expect(stdout).toMatch(STUCK);
    expect(stdout).toMatch(/its shard is done again/);
    expect(code).toBe(0);
  });

  it.skipIf(availableParallelism() < 2)('then ends the run, which goes on from its checkpoint', async () => {
    const { code, stderr } = await ludic(train('workers', '--workers', '2'), 20);
    expect(code).toBe(1);
    expect(stderr).toMatch(STUCK);
    expect(stderr).toMatch(/It was tried 2 times\. The checkpoints are kept/);
    expect((await ludic(resume('workers'), NEVER)).code).toBe(0);
  });
});
