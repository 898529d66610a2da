// npx node bench/warm-start.ts: whether a base model that knows no tags learns the replies of KeyDoor when it is trained
// over HTTP with the recipe auto: a GPT-2 with random weights in DialoGPT's layout, for three seeds. After two updates
// 200 games at temperature 1 tell how many of its replies are invalid.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDialoGpt } from '../packages/models/testing/dialogpt.ts';
import { startServer } from './service.ts';

const SEEDS = [0, 1, 2];
const MOST_INVALID = 0.2;

const server = await startServer();
const call = async (path: string, body?: object) => {
  const answer = await server.ask(path, body);
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(json)}`);
  return json;
};
const results: object[] = [];
let isRight = true;
for (const seed of SEEDS) {
  await writeDialoGpt(join(server.folder, 'data', 'models', `base-${seed}`), seed);
  const output_dir = `taught-${seed}`;
  const game = { env_type: 'key_door', history_strategy: 'NO_HISTORY' };
  const { job_id } = await call('/start-training', {
    ...game,
    model_name: `base-${seed}`,
    output_dir,
    env_size: 4,
    rollout_max_steps: 50,
    max_steps: 2,
    batch_size: 32,
    tensor_parallel_size: 1,
    recipe: 'auto',
    seed,
  });
  await (await server.ask(`/jobs/${job_id}/events`)).text();
  const { status, reason } = await call(`/jobs/${job_id}`);
  if (status !== 'completed') throw new Error(reason);
  const { steps } = await call(`/jobs/${job_id}/metrics`);
  const evaluation = await call('/evaluate-policy', {
    ...game,
    model_path: output_dir,
    eval_episodes: 200,
    sampling_params: { temperature: 1, max_tokens: 32 },
    include_trajectories: false,
    async: true,
  });
  await (await server.ask(`/jobs/${evaluation.job_id}/events`)).text();
  const { result } = await call(`/jobs/${evaluation.job_id}`);
  const invalid = { first_step: steps[0].invalid_rate, games_200: result.results.invalid_rate };
  isRight &&= invalid.games_200 < MOST_INVALID;
  results.push({ seed, invalid, success_rate: result.results.success_rate });
  console.log(`seed ${seed}: ${(100 * invalid.games_200).toFixed(1)} % of the replies are invalid`);
}
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
await writeFile(new URL('./results/warm-start.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
await server.stop();
if (!isRight) process.exitCode = 1;
