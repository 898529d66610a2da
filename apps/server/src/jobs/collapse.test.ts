// A training whose policy becomes worse than it was: the job says so, and leaves its best model.

import { afterEach, expect, it } from 'vitest';
import { Bench, ended, metricsOf, smallEvaluation, smallTraining } from '../../testing/jobs.ts';

const bench = new Bench();
afterEach(() => bench.clear());

it('fails with that reason, and its best model can be used', async () => {
  const jobs = await bench.open(await bench.folder());
  const game = { max_steps: 4, invalid_penalty: 0.3 };
  const request = smallTraining('/tmp/worse', {
    env_config: game,
    learning_rate: 0.04,
    schedule: 'constant',
    warmup_steps: 8,
    max_steps: 100,
    batch_size: 8,
    group_size: 4,
    eval_every: 1,
    eval_episodes: 4,
    seed: 1,
  });
  const { job } = await jobs.submitTraining(request, 'ada');
  const done = await ended(jobs, job.job_id);
  expect(done).toMatchObject({ status: 'failed', attempts: 1 });
  expect(done.step).toBeLessThan(100);
  const [, stopped, best] =
    /^The policy has become worse than at the start: .* The run was stopped after step (\d+); its model is that of step (\d+)\.$/.exec(
      done.reason!,
    ) ?? [];
  expect(Number(stopped)).toBe(done.step);
  // Which step was the best may differ between CPUs, whose last bits differ.
  expect(Number(best)).toBeLessThan(done.step);
  const { steps } = await metricsOf(jobs, job.job_id, 0);
  expect(steps.at(-1)!.invalid_rate).toBeGreaterThan(0.5);
  expect(await jobs.logTail(job.job_id, 10)).toContain(done.reason);

  const evaluation = smallEvaluation({
    model_path: '/tmp/worse',
    env_config: { invalid_penalty: 0.3 },
    max_steps: 4,
    sampling_params: { temperature: 1, max_tokens: 4, top_k: 0, top_p: 1 },
  });
  const played = await ended(jobs, (await jobs.submitEvaluation(evaluation, 'ada')).job_id);
  expect(played.status).toBe('completed');
  const { results } = played.result as { results: { invalid_rate: number } };
  expect(results.invalid_rate).toBeLessThan(steps.at(-1)!.invalid_rate!);
}, 120_000);
