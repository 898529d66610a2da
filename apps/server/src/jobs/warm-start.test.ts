// The first request that a base model gets: a GPT-2 that knows no tags is to play KeyDoor. bench/warm-start.ts does the same
// with more seeds and games. It takes its time, because below a hundred steps nothing is learned.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeDialoGpt } from '../../../../packages/models/testing/dialogpt.ts';
import { startService, type TestService } from '../../testing/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  await writeDialoGpt(join(service.folder, 'data', 'models', 'base'), 0);
}, 60_000);
afterAll(() => service.close(), 60_000);

it('learns the format of replies first, with the recipe auto and nothing else', async () => {
  const game = { env_type: 'key_door', history_strategy: 'NO_HISTORY' };
  const training = { ...game, model_name: 'base', output_dir: 'taught', env_size: 4, rollout_max_steps: 50 };
  const small = { max_steps: 1, batch_size: 4, eval_episodes: 1, tensor_parallel_size: 1 };
  const started = await service.post('/start-training', { ...training, ...small, recipe: 'auto' });
  const { job_id, effective, chosen } = (await started.json()) as Record<string, never> & { job_id: string };
  expect(started.status).toBe(202);
  expect(effective).toMatchObject({ warm_start: 'auto' });
  expect(chosen).toContainEqual(expect.objectContaining({ field: 'warm_start', value: 'auto' }));
  await (await service.ask(`/jobs/${job_id}/events`)).text();
  expect(await (await service.ask(`/jobs/${job_id}`)).json()).toMatchObject({ status: 'completed' });
  const log = await (await service.ask(`/jobs/${job_id}/logs`)).text();
  expect(log).toMatch(/the model has learned the reply format: \d+\.\d % of its replies are invalid, before 100\.0 %/);
  const evaluation = await service.post('/evaluate-policy', {
    ...game,
    model_path: 'taught',
    max_steps: 20,
    eval_episodes: 50,
    sampling_params: { temperature: 1, max_tokens: 32 },
    include_trajectories: false,
  });
  const { results } = (await evaluation.json()) as { results: { invalid_rate: number } };
  expect(results.invalid_rate).toBeLessThan(0.2);
}, 900_000);
