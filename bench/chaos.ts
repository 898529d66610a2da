// kill -9 at random moments to everything that `ludic serve` is made of: itself, the processes of trainings, their workers, and
// those that hold models, while people train, evaluate, play and chat over HTTP. Afterwards nothing may be lost, damaged,
// different or left over. Run: `npx node bench/chaos.ts [--kills 20] [--seed 0]`; kept in bench/results/chaos.json.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stream } from '../packages/random/src/index.ts';
import type { Job } from '../packages/service/src/index.ts';
import { examine } from './chaos/examine.ts';
import { isEnd, KINDS, Load } from './chaos/load.ts';
import { processesOf, ROLES, type Role } from './chaos/processes.ts';
import { ChaosServer } from './chaos/server.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '0' } },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const random = stream(seed, 'chaos');
const LONGEST_WAIT_MS = 10_000;
const LONGEST_END_MS = 300_000;
/** How long to wait for a victim of the kind whose turn it is; then another kind has it. */
const LONGEST_HUNT_MS = 15_000;
/** What a server leaves behind saves first, then ends. */
const LONGEST_LINGER_MS = 60_000;

const data = await mkdtemp(join(tmpdir(), 'ludic-chaos-'));
const mark = crypto.randomUUID();
// However this ends, nothing of it stays.
process.once('exit', () => {
  for (const { pid } of processesOf(mark)) process.kill(pid, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const server = await ChaosServer.start(data, mark);
const load = new Load(server, seed);
const killed: Record<Role, number> = { server: 0, job: 0, worker: 0, inference: 0 };
const whole = (name: string) => `whole.${name.split('.')[1]}`;

async function jobsWhenEnded(): Promise<readonly Job[]> {
  const until = performance.now() + LONGEST_END_MS;
  for (;;) {
    const { jobs } = (await (await server.ask('/jobs?limit=1000')).json()) as { jobs: Job[] };
    if (jobs.every(({ status }) => isEnd(status)) || performance.now() > until) return jobs;
    await sleep(500);
  }
}

/** @returns false where there is none */
async function kill(role: Role): Promise<boolean> {
  if (role === 'server') {
    await server.restart();
    return true;
  }
  const until = performance.now() + LONGEST_HUNT_MS;
  for (;;) {
    const victims = processesOf(mark).filter((each) => each.role === role);
    if (victims.length > 0) {
      process.kill(victims[random.nextInt(victims.length)]!.pid, 'SIGKILL');
      return true;
    }
    if (performance.now() > until) return false;
    // Not at a round time after its birth.
    await sleep(10 + random.nextInt(100));
  }
}

async function nobodyLeft(): Promise<readonly string[]> {
  const until = performance.now() + LONGEST_LINGER_MS;
  for (;;) {
    const left = processesOf(mark);
    if (left.length === 0) return [];
    if (performance.now() > until) return left.map(({ pid, role }) => `process ${pid}, a ${role}, is left`);
    await sleep(200);
  }
}

for (let kind = 0; kind < KINDS; kind++) load.accepted.add(await load.train(`whole.${kind}`, kind));
for (const { job_id, status, reason } of await jobsWhenEnded())
  if (status !== 'completed') throw new Error(`${job_id} was not disturbed and is ${status}: ${reason}`);

const began = performance.now();
const working = load.run();
// As many of each as of any other, in a random order.
const turns = Array.from({ length: kills }, (_, i) => ROLES[i % ROLES.length]!);
for (let i = turns.length - 1; i > 0; i--) {
  const j = random.nextInt(i + 1);
  [turns[i], turns[j]] = [turns[j]!, turns[i]!];
}
for (const [i, turn] of turns.entries()) {
  await sleep(random.nextInt(LONGEST_WAIT_MS));
  const role = (await kill(turn)) ? turn : 'server';
  if (role !== turn) await kill(role);
  killed[role]++;
  process.stderr.write(`kill ${i + 1} of ${kills}: a ${role}, ${Math.round((performance.now() - began) / 1000)} s\n`);
}
load.stop();
await working;
const jobs = await jobsWhenEnded();
const code = await server.end();
const left = await nobodyLeft();
const { faults, ...examined } = await examine(data, jobs, load.accepted, whole);
const all = [...load.faults, ...faults, ...left];
if (code !== 0) all.push(`the server ended with ${code}`);
if (examined.compared === 0) all.push('no run was disturbed and completed: more kills are needed');
const count = (status: string) => jobs.filter((job) => job.status === status).length;
const summary = {
  machine: `${cpus().length} cores, no GPU`,
  node: process.version,
  seed,
  kills: killed,
  jobs: {
    accepted: load.accepted.size,
    completed: count('completed'),
    failed: count('failed'),
    running: count('running'),
  },
  attempts: jobs.reduce((sum, { attempts }) => sum + attempts, 0),
  reasons: [...new Set(jobs.filter(({ status }) => status === 'failed').map(({ reason }) => reason))],
  requests: load.outcomes,
  ...examined,
  seconds: Math.round((performance.now() - began) / 1000),
  faults: all,
};
console.log(JSON.stringify(summary, null, 2));
if (all.length > 0) console.log(`The data folder is kept: ${data}`);
else {
  await rm(data, { recursive: true, force: true });
  const results = fileURLToPath(new URL('./results/', import.meta.url));
  await mkdir(results, { recursive: true });
  await writeFile(join(results, 'chaos.json'), `${JSON.stringify(summary, null, 2)}\n`);
}
process.exitCode = all.length === 0 ? 0 : 1;
