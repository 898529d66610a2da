// What batching gains when many ask one model: games of nano through the pool of processes, so many at once. Each game is
// a request of its own, and none is like another. Run: `npx node bench/serving.ts`; kept in bench/results/serving.json.

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { InferencePool } from '../apps/server/src/inference/pool.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { median } from './timing.ts';

const REQUESTS = 64;
const ROUNDS = 3;
const AT_ONCE = [1, 8, 32];
const NANO = { from: 'store', model: { name: 'nano', folder: fileURLToPath(NANO_FOLDER) } } as const;

const pool = new InferencePool({ maxConcurrentRequests: 32 });
let seed = 0;

const rollout = () =>
  pool.rollout(NANO, {
    environment: 'key_door',
    config: { size: 4, max_steps: 20 },
    history: 'FULL_HISTORY',
    seed: seed++,
    sampling: { temperature: 0.7, topK: 0, topP: 1, maxCompletionLength: 32 },
  });

/** Plays so many games, `lanes` at once. */
async function measure(lanes: number) {
  const before = pool.status.processes[0]!.counters;
  const begin = performance.now();
  let left = REQUESTS;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await rollout();
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  const { runs, tokens } = pool.status.processes[0]!.counters;
  return {
    requestsPerSecond: REQUESTS / seconds,
    tokensPerSecond: (tokens - before.tokens) / seconds,
    runsPerRequest: (runs - before.runs) / REQUESTS,
  };
}

await rollout();
const rounds: Awaited<ReturnType<typeof measure>>[][] = [];
// One after the other in each round: whatever else the machine does meets all of them.
for (let round = 0; round < ROUNDS; round++) {
  const measured = [];
  for (const lanes of AT_ONCE) measured.push(await measure(lanes));
  rounds.push(measured);
}
await pool.close();

const results = AT_ONCE.map((atOnce, i) => {
  const of = (name: keyof (typeof rounds)[number][number]) => median(rounds.map((measured) => measured[i]![name]));
  return {
    atOnce,
    requestsPerSecond: of('requestsPerSecond'),
    tokensPerSecond: of('tokensPerSecond'),
    runsPerRequest: of('runsPerRequest'),
    gain: median(rounds.map((measured) => measured[i]!.requestsPerSecond / measured[0]!.requestsPerSecond)),
  };
});
console.log('at once  requests/s  tokens/s  runs of the network per request   gain');
for (const { atOnce, requestsPerSecond, tokensPerSecond, runsPerRequest, gain } of results) {
  console.log(
    `${String(atOnce).padStart(7)}${requestsPerSecond.toFixed(1).padStart(12)}${tokensPerSecond.toFixed(0).padStart(10)}` +
      `${runsPerRequest.toFixed(1).padStart(33)}${gain.toFixed(2).padStart(7)}`,
  );
}
const machine = `${cpus().length} cores, no GPU`;
await mkdir(new URL('./results/', import.meta.url), { recursive: true });
const text = JSON.stringify({ machine, node: process.version, requests: REQUESTS, results }, null, 2);
await writeFile(new URL('./results/serving.json', import.meta.url), `${text}\n`);
