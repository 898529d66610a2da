// kill -9 at random moments: to a server of jobs and to the processes of its jobs, while trainings and evaluations run
// and wait. Afterwards every accepted job must have ended with a result or a reason, the list of jobs and all checkpoints
// must be whole, and the weights must be those of runs that nobody disturbed.
// Run: `node bench/chaos.ts [--kills 20] [--seed 0]`. A victim more is an entry of VICTIMS.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { JobServerProcess, type WatchedJob } from '../apps/server/testing/job-server-process.ts';
import { curveOf, finalWeights, smallEvaluation, smallTraining } from '../apps/server/testing/jobs.ts';
import { readSafetensors } from '../packages/models/src/index.ts';
import { stream } from '../packages/random/src/index.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '0' } },
});
const KILLS = Number(values.kills);
const random = stream(Number(values.seed), 'chaos');
const OPTIONS = { maxConcurrent: 2, graceMs: 10_000, backoffMs: [100, 500] };
/** Jobs that run or wait at any time. */
const LOAD = 4;
/** Kinds of trainings, each with a run beside that nobody disturbs. */
const KINDS = 4;
const LONGEST_WAIT_MS = 3000;
const LONGEST_END_MS = 300_000;

/** Every other kind is shared by two processes. */
const training = (name: string, kind: number) => {
  const size = { max_steps: 6, batch_size: 32, eval_episodes: 100, tensor_parallel_size: 1 + (kind % 2) };
  return smallTraining(name, { ...size, seed: kind });
};

class Chaos {
  readonly data: string;
  readonly accepted = new Set<string>();
  readonly kills: Record<string, number> = {};
  server: JobServerProcess;
  #submitted = 0;

  constructor(data: string, server: JobServerProcess) {
    this.data = data;
    this.server = server;
  }

  async fill(): Promise<void> {
    const active = (await this.server.list()).filter(({ status }) => status === 'queued' || status === 'running');
    for (let i = active.length; i < LOAD; i++) {
      const number = this.#submitted++;
      const kind = random.nextInt(KINDS);
      const { job_id } =
        number % 3 === 2
          ? await this.server.evaluate(smallEvaluation({ eval_episodes: 1500 }))
          : await this.server.train(training(`run-${number}.${kind}`, kind));
      this.accepted.add(job_id);
    }
  }

  async restart(): Promise<void> {
    await this.server.kill();
    this.server = await JobServerProcess.start(this.data, OPTIONS);
  }

  async ended(): Promise<readonly WatchedJob[]> {
    const until = performance.now() + LONGEST_END_MS;
    for (;;) {
      const jobs = await this.server.list();
      const open = jobs.filter(({ status }) => status === 'queued' || status === 'running');
      if (open.length === 0) return jobs;
      if (performance.now() > until) throw new Error(`${open.length} jobs do not end`);
      await sleep(200);
    }
  }
}

/** Each kills something, or says that there is nothing to kill now. */
const VICTIMS: Readonly<Record<string, (chaos: Chaos) => Promise<boolean>>> = {
  async server(chaos) {
    await chaos.restart();
    return true;
  },
  async job({ server }) {
    const pids = (await server.list()).flatMap(({ pid }) => pid ?? []);
    if (pids.length === 0) return false;
    process.kill(pids[random.nextInt(pids.length)]!, 'SIGKILL');
    return true;
  },
};

async function filesBelow(folder: string, name: RegExp): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile() && name.test(each.name))
    .map((each) => join(each.parentPath, each.name));
}

/** What is wrong afterwards, and how many runs were compared with undisturbed ones. */
async function examine(chaos: Chaos, jobs: readonly WatchedJob[]) {
  const { data } = chaos;
  const wrong: string[] = [];
  const known = new Set(jobs.map(({ job_id }) => job_id));
  for (const id of chaos.accepted) if (!known.has(id)) wrong.push(`${id} was accepted and is lost`);
  const database = new DatabaseSync(join(data, 'ludic.db'));
  const [verdict] = Object.values(database.prepare('PRAGMA integrity_check').get()!);
  if (verdict !== 'ok') wrong.push(`the list of jobs: ${verdict}`);
  database.close();
  for (const path of await filesBelow(join(data, 'models'), /\.safetensors$/)) {
    try {
      readSafetensors(new Uint8Array(await readFile(path)));
    } catch (error) {
      wrong.push(`${path}: ${(error as Error).message}`);
    }
  }
  const results = new Set<string>();
  let compared = 0;
  for (const { job_id, kind, status, output_dir: name, reason, result } of jobs) {
    if (status !== 'completed' && reason === null) wrong.push(`${job_id} is ${status} without a reason`);
    if (status !== 'completed') continue;
    if (kind === 'evaluate') results.add(JSON.stringify(result));
    else {
      const whole = `whole.${name!.split('.')[1]}`;
      if (name !== whole) compared++;
      if (!(await finalWeights(data, name!)).equals(await finalWeights(data, whole)))
        wrong.push(`${job_id} has other weights than ${whole}`);
      if (JSON.stringify(await curveOf(data, name!)) !== JSON.stringify(await curveOf(data, whole)))
        wrong.push(`${job_id} has another curve than ${whole}`);
    }
  }
  if (results.size > 1) wrong.push('evaluations of one model in one game differ');
  return { wrong, compared };
}

const data = await mkdtemp(join(tmpdir(), 'ludic-chaos-'));
const chaos = new Chaos(data, await JobServerProcess.start(data, OPTIONS));
for (let kind = 0; kind < KINDS; kind++) await chaos.server.train(training(`whole.${kind}`, kind));
await chaos.ended();

const began = performance.now();
for (let done = 0; done < KILLS; ) {
  await chaos.fill();
  await sleep(random.nextInt(LONGEST_WAIT_MS));
  const names = Object.keys(VICTIMS);
  const name = names[random.nextInt(names.length)]!;
  if (!(await VICTIMS[name]!(chaos))) continue;
  done++;
  chaos.kills[name] = (chaos.kills[name] ?? 0) + 1;
  process.stderr.write(`kill ${done} of ${KILLS}: a ${name}\n`);
}
const jobs = await chaos.ended();
await chaos.server.end();
const { wrong, compared } = await examine(chaos, jobs);
const count = (status: string) => jobs.filter((job) => job.status === status).length;
const summary = {
  kills: chaos.kills,
  jobs: jobs.length,
  completed: count('completed'),
  failed: count('failed'),
  attempts: jobs.reduce((sum, { attempts }) => sum + attempts, 0),
  seconds: Math.round((performance.now() - began) / 1000),
  reasons: [...new Set(jobs.flatMap(({ reason }) => reason ?? []))],
  compared,
  faults: wrong,
};
console.log(JSON.stringify(summary, null, 1));
if (wrong.length === 0) await rm(data, { recursive: true, force: true });
else console.log(`The data folder is kept: ${data}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
