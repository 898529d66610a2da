// A run that cannot go on says what may be changed, goes on with that, and keeps the change.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-changes-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const train = (name: string, ...more: readonly string[]) => [
  ...['train', '--out', join(scratch, name), '--env', 'tic_tac_toe', '--steps', '3', '--group-size', '4'],
  ...['--batch-size', '16', '--eval-every', '0', '--eval-episodes', '8', '--save-every', '1'],
  ...['--max-completion-length', '4', ...more],
];
const resume = (name: string, ...more: readonly string[]) => [
  ...['train', '--out', join(scratch, name), '--resume', ...more],
];
const fileOf = (name: string, file: string) => readFile(join(scratch, name, file));
const configOf = async (name: string) => JSON.parse(String(await fileOf(name, 'config.json')));

describe('a run whose gradient overflows', { timeout: 120_000 }, () => {
  it('says what may be changed, and goes on with it', async () => {
    const { code, stderr } = await runLudic(...train('huge', '--beta', '1e38'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/not finite/);
    expect(stderr).toMatch(/kept up to step \d: resume it with another learning_rate, .*beta.* or weight_decay\./);
    expect((await runLudic(...resume('huge'))).code).toBe(1);

    const kept = await runLudic(...resume('huge', '--seed', '9'));
    expect(kept).toMatchObject({ code: 2, stderr: expect.stringMatching(/--seed 9 differs .* --learning-rate, /) });

    expect((await runLudic(...resume('huge', '--beta', '0.1', '--learning-rate', '1e-4'))).code).toBe(0);
    const { settings, changes } = await configOf('huge');
    expect(settings).toMatchObject({ learningRate: 1e-4, loss: { beta: 0.1 } });
    expect(changes).toMatchObject([{ from: { beta: 1e38 }, to: { beta: 0.1, learning_rate: 1e-4 } }]);
    const lines = String(await fileOf('huge', 'metrics.jsonl'))
      .trim()
      .split('\n');
    const steps = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(steps.at(-1).learning_rate).toBeLessThanOrEqual(1e-4);
  });
});
