// What a game measures itself, from its steps to files, commands and dashboards.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-own-metrics-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const task = new URL('../../../../examples/arithmetic.ts', import.meta.url).pathname;
const out = join(folder, 'run');

type Line = Readonly<Record<string, number>> & { readonly type: string };
let lines: readonly Line[];
beforeAll(async () => {
  const settings = [
    '--steps',
    '2',
    '--batch-size',
    '32',
    '--group-size',
    '8',
    '--warm-start',
    '2',
    '--eval-episodes',
    '8',
  ];
  const { code } = await runLudic('train', '--env', task, '--out', out, ...settings, '--tensorboard');
  expect(code).toBe(0);
  const text = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim();
  lines = text.split('\n').map((line) => JSON.parse(line));
});

it('is in metrics.jsonl, of steps and of evaluations', () => {
  const [step] = lines.filter(({ type }) => type === 'step');
  const [evaluation] = lines.filter(({ type }) => type === 'evaluation');
  for (const line of [step!, evaluation!]) {
    expect(line.game_near).toBeGreaterThanOrEqual(0);
    expect(line.game_right).toBe(line.success_rate);
  }
  const { mean_reward, game_right, game_near, invalid_rate } = step!;
  // The reward is that of both by their weights, less the penalty for invalid replies.
  expect(mean_reward).toBeCloseTo(game_right! + 0.5 * game_near! - 0.1 * invalid_rate!);
});

it('is drawn by runs show, and printed by evaluate', async () => {
  const { stdout } = await runLudic('runs', 'show', out);
  expect(stdout).toContain('game_near: Mean of a game, as the game measures it');
  const shown = await runLudic('evaluate', '--env', task, '--model', 'expert', '--episodes', '20');
  expect(shown.stdout).toMatch(/^near +1\.000$/m);
});
