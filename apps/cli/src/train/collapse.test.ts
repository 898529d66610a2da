// A run that a watchdog ends, as its user sees it.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-collapse-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

it('ends with exit code 1, says why and which model is left; that model plays', async () => {
  const out = join(scratch, 'worse');
  const { code, stdout, stderr } = await runLudic(
    ...['train', '--out', out, '--env', 'tic_tac_toe', '--env-config', '{"max_steps":4,"invalid_penalty":0.3}'],
    ...['--steps', '100', '--group-size', '4', '--batch-size', '8', '--learning-rate', '0.04', '--beta', '0'],
    ...['--schedule', 'constant', '--warmup-steps', '8', '--eval-every', '1', '--eval-episodes', '4'],
    ...['--save-every', '100', '--seed', '1', '--max-completion-length', '4', '--threads', '1', '--json'],
  );
  expect(code).toBe(1);
  const [, stopped, best] =
    /Stopped by a watchdog after step (\d+): .*worse\/final holds the model of step (\d+)\./.exec(stderr) ?? [];
  // Which step was the best may differ between CPUs, whose last bits differ.
  expect(Number(best)).toBeLessThan(Number(stopped));
  expect(stderr).toMatch(/To go on all the same: .* --resume/);
  const told = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(told).toMatchObject({ status: 'stopped', best_step: Number(best) });
  expect(told.reason).toMatch(/^The policy has become worse than at the start: /);
  expect(told.reason.endsWith(` its model is that of step ${best}.`)).toBe(true);
  expect(JSON.parse(await readFile(join(out, 'final', 'result.json'), 'utf8'))).toMatchObject({ stopped: told.reason });
  const played = await runLudic('evaluate', '--model', out, '--episodes', '8', '--json');
  expect([played.code, played.stderr]).toEqual([0, expect.any(String)]);
}, 120_000);
