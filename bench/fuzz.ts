// Thousands of odd requests, made from the service's own description, against a whole server: every
// answer has to be a documented one, in time, and nothing outside the data folder may be read or written.
// Run: `npx node bench/fuzz.ts [--requests 10000] [--seed 1]`. Writes bench/results/fuzz.json.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runFuzz } from '../apps/server/testing/fuzz-run.ts';
import { listing } from '../apps/server/testing/service.ts';
import { startServer } from './service.ts';
import { quantile } from './timing.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];

const server = await startServer();
const before = listing(server.folder);
const memory = { first: await server.memory(), most: 0, last: 0 };
const start = performance.now();
const report = await runFuzz(
  { url: server.url, password: server.password, secrets: [server.canary, server.password, 'root:x:0:'] },
  { requests, seed, specials: Math.max(1, Math.round(requests / 1000)), slow: true },
  async (done) => {
    memory.most = Math.max(memory.most, await server.memory());
    console.log(`${done} of ${requests}; the server has ${megabytes(memory.most)} MB at most`);
  },
);
const seconds = (performance.now() - start) / 1000;
const calm = await server.calm();
memory.last = await server.memory();
const after = listing(server.folder);
const health = await (await fetch(`${server.url}/health-check`)).json();
await server.stop();

const result = {
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  requests,
  seed,
  seconds: Math.round(seconds),
  statuses: report.statuses,
  accepted: report.accepted,
  complaints: report.complaints.length,
  answer_ms: {
    p50: round(quantile(report.ms, 0.5)),
    p99: round(quantile(report.ms, 0.99)),
    max: round(Math.max(...report.ms)),
    over_1_s: report.ms.filter((ms) => ms > 1000).length,
  },
  memory_mb: { first: megabytes(memory.first), most: megabytes(memory.most), last: megabytes(memory.last) },
  jobs_end: calm,
  untouched_outside: before === after,
  healthy: health.status === 'healthy',
};
console.log(result);
for (const line of report.complaints.slice(0, 40)) console.log(line);
for (const { ms, sent } of report.slowest) console.log(`${Math.round(ms)} ms: ${sent}`);
mkdirSync(new URL('./results/', import.meta.url), { recursive: true });
writeFileSync(new URL('./results/fuzz.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
const isGood = report.complaints.length === 0 && result.untouched_outside && result.healthy && calm;
process.exitCode = isGood ? 0 : 1;

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
