// What an earlier commit wrote (tests/earlier/make.ts), opened by the programs of today: runs go on, adapters and recipes
// work, a server finds its jobs and models.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { PASSWORD, startService } from '../bench/compare/service.ts';
import { Side } from '../bench/compare/side.ts';

const ROOT = resolve(import.meta.dirname, '..');
const archives = readdirSync(join(ROOT, 'tests/earlier')).filter((name) => name.endsWith('.tar.br'));

describe.each(archives)('%s', (archive) => {
  const folder = mkdtempSync(join(tmpdir(), 'ludic-earlier-'));
  execFileSync('tar', ['-x', '-C', folder], {
    input: brotliDecompressSync(readFileSync(join(ROOT, 'tests/earlier', archive))),
  });
  const side = new Side('today', ROOT, folder);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const stepsOf = (run: string) =>
    readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; step: number })
      .filter(({ type }) => type === 'step')
      .map(({ step }) => step);

  it('a run that was stopped goes on to its end', async () => {
    const before = stepsOf('runs/stopped');
    expect(before.length).toBeLessThan(4);
    await side.succeed(['train', '--out', 'runs/stopped', '--resume']);
    expect(stepsOf('runs/stopped')).toEqual([1, 2, 3, 4]);
    expect(readdirSync(join(folder, 'runs/stopped/final'))).toContain('model.safetensors');
  });

  it('the adapter of a run plays the game that it was trained in', async () => {
    const printed = await side.succeed(['evaluate', '--model', 'runs/adapter', '--episodes', '4', '--json']);
    expect(JSON.parse(printed)).toMatchObject({ env_type: 'tic_tac_toe', results: { total_episodes: 4 } });
  });

  it('a recipe trains', async () => {
    const options = '--recipe recipe.json --model tiny --out runs/again --steps 1 --threads 1'.split(' ');
    await side.succeed(['train', ...options]);
    expect(stepsOf('runs/again')).toEqual([1]);
  });

  it('a server has the jobs, their numbers and the models, and goes on with a job', async () => {
    const service = await startService(side);
    const ask = async (path: string, body?: object) => {
      const headers = { authorization: `Bearer ${PASSWORD}`, 'content-type': 'application/json' };
      const sent = body && { body: JSON.stringify(body) };
      const answer = await service.ask({ method: body ? 'POST' : 'GET', path, headers, ...sent });
      return { status: answer.status, ...JSON.parse(answer.body.toString()) };
    };
    try {
      const { jobs } = await ask('/jobs');
      const [stopped, evaluation, first] = jobs;
      expect(jobs).toMatchObject([
        { kind: 'train', status: 'cancelled', output_dir: 'stopped', total_steps: 20 },
        { kind: 'evaluate', status: 'completed', model_name: 'first', result: { results: { total_episodes: 4 } } },
        { kind: 'train', status: 'completed', output_dir: 'first', step: 2 },
      ]);
      expect((await ask(`/jobs/${first.job_id}/metrics`)).steps).toHaveLength(2);
      expect(await ask(`/jobs/${evaluation.job_id}`)).toEqual({ ...evaluation, status: 'completed' });
      const { models } = await ask('/models');
      expect(models.map(({ name }: { name: string }) => name)).toEqual(
        expect.arrayContaining(['nano', 'tiny', 'first', 'stopped']),
      );
      expect(
        await ask('/evaluate-policy', { model_path: 'first', env_type: 'tic_tac_toe', eval_episodes: 2 }),
      ).toMatchObject({ results: { total_episodes: 2 } });
      await ask(`/jobs/${stopped.job_id}/resume`, {});
      await expect
        .poll(async () => (await ask(`/jobs/${stopped.job_id}`)).status, { timeout: 100_000 })
        .toBe('completed');
      const { steps } = await ask(`/jobs/${stopped.job_id}/metrics`);
      expect(steps.map(({ step }: { step: number }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    } finally {
      await service.stop();
    }
  });
});
