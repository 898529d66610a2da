// What training gives where its settings are not named: `ludic train --env GAME --steps 40` for both games, and the
// request of deploy/modal/README.md, each with seeds 0, 1 and 2, measured on 500 games at temperature 1.
// Run: `npm run bench:defaults`, about 20 minutes on two cores. Writes bench/results/defaults.json.
//
// Wanted: success at least 10 points over before with less than 3 % of the replies invalid; over HTTP at least 60 % of
// the games won in the mean, 52 % with each seed, and no step with three times the tokens of the first ten.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startServer } from './service.ts';

const SEEDS = [0, 1, 2];
const EPISODES = 500;
const LUDIC = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url));

interface Results {
  readonly success_rate: number;
  readonly invalid_rate: number;
}
interface Row {
  readonly seed: number;
  readonly success: number;
  readonly invalid: number;
  readonly seconds: number;
  /** Tokens of the largest step, as a multiple of the mean of the first ten. */
  readonly tokens?: number;
}

const run = promisify(execFile);
async function ludic(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', LUDIC, ...args, '--json'], {
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout);
}
async function measure(model: string, environment: string): Promise<Results> {
  const games = ['--episodes', `${EPISODES}`, '--seed', '777', '--temperature', '1'];
  return (await ludic('evaluate', '--env', environment, '--model', model, ...games)).results as Results;
}
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round((performance.now() - start) / 1000);
}

/** From the command line, with no setting named but the number of steps. */
async function fromCommandLine(environment: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const seed of SEEDS) {
    const out = join(folder, `${environment}-${seed}`);
    const train = () => ludic('train', '--env', environment, '--steps', '40', '--seed', `${seed}`, '--out', out);
    const seconds = await timed(train);
    const { success_rate: success, invalid_rate: invalid } = await measure(out, environment);
    rows.push({ seed, success, invalid, seconds });
    report(`train --env ${environment} --steps 40`, rows.at(-1)!);
  }
  return rows;
}

/** Over HTTP, with the request of the guide to Modal. */
async function overHttp(environment: string): Promise<Row[]> {
  const server = await startServer();
  const answer = async (path: string, body?: object) => {
    const response = await server.ask(path, body);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return response.json() as Promise<Record<string, unknown>>;
  };
  const rows: Row[] = [];
  try {
    for (const seed of SEEDS) {
      const name = `first-${seed}`;
      let job = '';
      const seconds = await timed(async () => {
        const settings = { recipe: 'auto', max_steps: 100, learning_rate: 0.001, seed };
        const request = { model_name: 'nano', env_type: environment, output_dir: name, ...settings };
        job = (await answer('/start-training', request)).job_id as string;
        for (;;) {
          const { status, reason } = await answer(`/jobs/${job}`);
          if (status === 'completed') break;
          if (status === 'failed' || status === 'cancelled') throw new Error(`${name}: ${reason}`);
          await sleep(500);
        }
      });
      const { steps } = (await answer(`/jobs/${job}/metrics`)) as { steps: Record<string, number>[] };
      const games = { eval_episodes: EPISODES, include_trajectories: false, seed: 777, max_steps: 10 };
      const policy = { model_path: name, env_type: environment, sampling_params: { temperature: 1 } };
      const { results } = (await answer('/evaluate-policy', { ...policy, ...games })) as { results: Results };
      const { success_rate: success, invalid_rate: invalid } = results;
      rows.push({ seed, success, invalid, seconds, tokens: largestStep(steps) });
      report('POST /start-training, recipe auto, 100 steps at 0.001', rows.at(-1)!);
    }
  } finally {
    await server.stop();
  }
  return rows;
}

function largestStep(steps: readonly Record<string, number>[]): number {
  const tokens = steps.map((step) => step.prompt_tokens! + step.completion_tokens!);
  const first = tokens.slice(0, 10);
  return Math.max(...tokens) / (first.reduce((a, b) => a + b) / first.length);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
function report(name: string, { seed, success, invalid, seconds, tokens }: Row): void {
  const largest = tokens === undefined ? '' : `, largest step ${tokens.toFixed(2)} × the first ten`;
  console.log(
    `${name}, seed ${seed}: ${percent(success)} success, ${percent(invalid)} invalid, ${seconds} s${largest}`,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'ludic-defaults-'));
try {
  const games = [];
  for (const environment of ['tic_tac_toe', 'key_door']) {
    const before = await measure('nano', environment);
    console.log(
      `nano at ${environment}: ${percent(before.success_rate)} success, ${percent(before.invalid_rate)} invalid`,
    );
    games.push({ environment, before: before.success_rate, after: await fromCommandLine(environment) });
  }
  const http = await overHttp('tic_tac_toe');
  const machine = `${cpus().length} × ${cpus()[0]!.model}`;
  const results = { machine, node: process.version, episodes: EPISODES, temperature: 1, games, http };
  writeFileSync(new URL('./results/defaults.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
