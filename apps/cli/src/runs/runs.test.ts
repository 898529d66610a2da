// Runs in a folder: listed, drawn, compared, opened as models, and written down as recipes.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

let folder = '';
const run = (name: string) => join(folder, name);
const SIZE = [
  '--env',
  'tic_tac_toe',
  '--batch-size',
  '32',
  '--group-size',
  '8',
  '--eval-episodes',
  '20',
  '--threads',
  '1',
];
const train = async (name: string, ...words: readonly string[]) => {
  const { code, stderr } = await runLudic(
    'train',
    '--out',
    run(name),
    ...SIZE,
    '--steps',
    '3',
    '--eval-every',
    '2',
    ...words,
  );
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
};
const config = async (name: string) => JSON.parse(await readFile(join(run(name), 'config.json'), 'utf8'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-runs-'));
  await train('first', '--learning-rate', '0.001', '--seed', '3');
  await train('adapter', '--lora-rank', '2', '--history', 'FULL_HISTORY', '--mask-truncated-completions');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('ludic runs', () => {
  it('lists what a folder holds', async () => {
    const { stdout } = await runLudic('runs', folder);
    expect(stdout).toMatch(/^first +tic_tac_toe +nano +3\/3 +[\d.]+ % at 3 +[\d.]+ % at [23] +finished$/m);
    const [adapter] = JSON.parse((await runLudic('runs', folder, '--json')).stdout);
    expect(adapter).toMatchObject({ name: 'adapter', state: 'finished', steps_done: 3, steps: 3, last: { step: 3 } });
  });

  it('draws the curve in the terminal and as a picture', async () => {
    const { stdout } = await runLudic('runs', 'show', run('first'), '--svg', run('first.svg'));
    const log = (await readFile(join(run('first'), 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const rewards = log.filter(({ type }) => type === 'step').map(({ mean_reward }) => mean_reward);
    const chart = stdout.slice(stdout.indexOf('mean_reward: '), stdout.indexOf('success_rate: '));
    expect(chart).toContain(`${Math.max(...rewards).toFixed(3)} ┤`);
    // The best step alone reaches the top.
    const [top] = chart.split('\n').slice(1);
    expect([...top!.split('┤')[1]!].map((bar) => bar === '█')).toEqual(
      rewards.map((reward) => reward === Math.max(...rewards)).slice(0, top!.split('┤')[1]!.length),
    );
    const svg = await readFile(run('first.svg'), 'utf8');
    expect(svg.match(/<polyline points="[^"]*"/)![0].split(' ').length).toBe(1 + 3);
  });

  it('names the settings in which runs differ, and no others', async () => {
    const { stdout } = await runLudic('runs', 'compare', run('first'), run('adapter'), '--json');
    const { differences } = JSON.parse(stdout);
    expect(differences).toMatchObject({ history: ['NO_HISTORY', 'FULL_HISTORY'], lora_rank: [null, 2], seed: [3, 0] });
    expect(differences).not.toHaveProperty('batch_size');
    expect((await runLudic('runs', 'compare', run('first'), run('adapter'))).stdout).toMatch(/^lora-rank +– +2$/m);
  });

  it.each(['first', 'adapter'])(
    'makes a recipe of %s that trains the same',
    async (name) => {
      const { stdout } = await runLudic('runs', 'recipe', run(name));
      await writeFile(run(`${name}.json`), stdout);
      const again = await runLudic('train', '--recipe', run(`${name}.json`), '--out', run(`${name}-again`));
      expect(again.code).toBe(0);
      expect(await config(`${name}-again`)).toEqual(await config(name));
    },
    60_000,
  );

  it('says what is no run', async () => {
    const { code, stderr } = await runLudic('runs', 'show', folder);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('is no run') });
    expect((await runLudic('runs', run('nowhere'))).stderr).toContain('There is no folder');
  });
});

describe('--model with a run', () => {
  const loss = async (model: string) => {
    const { stdout, stderr } = await runLudic('score', '--model', model, '--text', 'You are X.', '--json');
    return { loss: JSON.parse(stdout).loss as number, stderr };
  };

  it('takes its final model, and says so', async () => {
    const { loss: ofRun, stderr } = await loss(run('adapter'));
    expect(stderr).toContain(`${run('adapter')} is a run: its final model is taken.`);
    expect(ofRun).toBe((await loss(join(run('adapter'), 'final'))).loss);
  });

  it('takes the best checkpoint of a run that is not done, with its adapter', async () => {
    const before = (await loss(run('adapter'))).loss;
    await rm(join(run('adapter'), 'final'), { recursive: true });
    const { loss: ofRun, stderr } = await loss(run('adapter'));
    expect(stderr).toMatch(/its best checkpoint, of step [23] is taken/);
    expect(ofRun).toBeCloseTo(before, 5);
    expect(ofRun).not.toBe((await loss('nano')).loss);
    expect(
      (await runLudic('evaluate', '--model', run('adapter'), '--env', 'tic_tac_toe', '--episodes', '5')).code,
    ).toBe(0);
    expect((await runLudic('export', '--model', run('adapter'), '--out', run('exported'))).code).toBe(0);
  });
});
