// How quick the service stays while a training job uses all cores: GET /health-check a hundred times a second, and 32
// games at once meanwhile. Run: `npx node bench/load.ts [--seconds 60]`. Writes bench/results/load.json.
//
// Wanted: health within 50 ms (p99), and every game played or told to come again (429).

import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startServer } from './service.ts';
import { quantile } from './timing.ts';

const RATE = 100;
const GAMES = 32;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
const server = await startServer();
const { hostname, port } = new URL(server.url);
const agent = new Agent({ keepAlive: true });

/** @returns milliseconds to the end of the answer */
function health(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const start = performance.now();
  const sent = request({ hostname, port, agent, path: '/health-check' }, (answer) => {
    answer.resume();
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(performance.now() - start);
      else reject(new Error(`health answered ${answer.statusCode}`));
    });
  });
  sent.on('error', reject);
  sent.end();
  return promise;
}

/** Asks at fixed times, whether the answers before have come or not. */
async function ask(during: number): Promise<number[]> {
  const asked: Promise<number>[] = [];
  const start = performance.now();
  for (let i = 0; i < during * RATE; i++) {
    await sleep(Math.max(0, start + (1000 * i) / RATE - performance.now()));
    asked.push(health());
  }
  return Promise.all(asked);
}

async function play(until: number): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  for (let round = 0; performance.now() < until; round++) {
    const games = Array.from({ length: GAMES }, (_, i) =>
      server.ask('/generate-rollout', { model_path: 'nano', env_type: 'tic_tac_toe', seed: GAMES * round + i }),
    );
    for (const answer of await Promise.all(games)) {
      await answer.arrayBuffer();
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    }
    await sleep(1000);
  }
  return statuses;
}

const idle = await ask(5);
const started = await server.ask('/start-training', {
  model_name: 'nano',
  env_type: 'key_door',
  output_dir: 'load',
  batch_size: 64,
  max_steps: 100_000,
  save_every: 5,
  tensor_parallel_size: cpus().length,
});
if (started.status !== 202) throw new Error(await started.text());
const { job_id: job } = (await started.json()) as { job_id: string };
const state = async () => (await (await server.ask(`/jobs/${job}`)).json()) as { status: string; step: number };
while ((await state()).step < 1) await sleep(200);

const [busy, games] = await Promise.all([ask(seconds), play(performance.now() + 1000 * seconds)]);
const { status, step } = await state();
await server.calm();
await server.stop();

const times = (ms: readonly number[]) => ({
  requests: ms.length,
  p50: round(quantile(ms, 0.5)),
  p99: round(quantile(ms, 0.99)),
  max: round(Math.max(...ms)),
});
const result = {
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  seconds,
  health_ms: { idle: times(idle), training: times(busy) },
  games: { ...games },
  job: { status, step },
};
console.log(JSON.stringify(result, null, 2));
writeFileSync(new URL('./results/load.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
const isGood =
  result.health_ms.training.p99 < 50 && Object.keys(games).every((each) => each === '200' || each === '429');
process.exitCode = isGood && status === 'running' ? 0 : 1;

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
