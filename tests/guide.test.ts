// The guide holds: its shell commands are run as they stand, in one session of bash, and a client in another language walks
// the same way with nothing but its standard library.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, startTraining } from '../packages/service/src/index.ts';

const ROOT = resolve(import.meta.dirname, '..');
const GUIDE = readFileSync(join(ROOT, 'docs/guide.md'), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'ludic-guide-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const blocks = (language: string) =>
  [...GUIDE.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language).map(([, , text]) => text!);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An environment without variables of Ludic. */
const environment = Object.fromEntries(
  Object.entries({ ...process.env, HF_HUB_OFFLINE: '1' }).filter(([name]) => !/^(LUDIC|WANDB)_/.test(name)),
);

/** A session of bash; what it prints is kept apart from what the server prints. */
class Session {
  readonly #bash = spawn('bash', ['--noprofile', '--norc'], { cwd: ROOT, env: environment, detached: true });
  #printed = '';
  #commands = 0;

  constructor() {
    this.#bash.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
    });
  }

  /** @returns what the commands printed; fails where the last one does */
  async run(commands: string): Promise<string> {
    const mark = `--- ${++this.#commands}:`;
    this.#printed = '';
    this.#bash.stdin.write(`${commands}\necho; echo "${mark}$?"\n`);
    while (!new RegExp(`^${mark}\\d+\n`, 'm').test(this.#printed)) await once(this.#bash.stdout, 'data');
    const [text, status] = this.#printed.split(`\n${mark}`);
    if (status?.trim() !== '0') throw new Error(`${commands} ended with ${status}: ${text}`);
    return text!;
  }

  /** Ends it and all that it started. */
  async end(): Promise<void> {
    const exit = once(this.#bash, 'close');
    process.kill(-this.#bash.pid!, 'SIGTERM');
    // bash itself waits for an end of its input.
    this.#bash.stdin.end();
    await exit;
  }
}

describe('the shell commands of the guide', () => {
  const answers = new Map<string, string>();
  const answerTo = (part: string) => {
    const found = [...answers].find(([block]) => block.includes(part));
    if (!found) throw new Error(`No command of the guide has ${part}.`);
    return found[1];
  };
  const session = new Session();

  beforeAll(async () => {
    const port = await freePort();
    const log = join(scratch, 'server.log');
    for (const block of blocks('sh')) {
      const commands = block
        .replaceAll('8000', String(port))
        .replaceAll('./ludic-data', join(scratch, 'data'))
        .replace(/ &$/m, ` > ${log} 2>&1 &`);
      answers.set(block, await session.run(commands));
      if (block.includes(' serve '))
        await session.run(`until curl -sf http://127.0.0.1:${port}/health-check; do sleep 0.1; done`);
    }
    for (const block of blocks('ts')) {
      writeFileSync(join(scratch, 'block.ts'), block.replaceAll('8000', String(port)));
      // As a module of a package that depends on the client.
      const node = `"${process.execPath}" --disable-warning=ExperimentalWarning --input-type=module-typescript`;
      answers.set(block, await session.run(`(cd apps/cli && ${node} < "${join(scratch, 'block.ts')}")`));
    }
  }, 180_000);
  afterAll(() => session.end(), 60_000);

  it('ask for health, and get what the guide shows', () => {
    const health = ENDPOINTS.health.answers[200].parse(JSON.parse(answerTo('/health-check')));
    const shown = JSON.parse(blocks('json').find((block) => block.includes('"healthy"'))!);
    expect(Object.keys(health)).toEqual(Object.keys(shown));
  });

  it('train a model to the end', () => {
    const started = ENDPOINTS.startTraining.answers[202].parse(JSON.parse(answerTo('/start-training')));
    expect(started.effective).toMatchObject({ output_dir: 'tmp-trained_model', max_steps: 3, batch_size: 64 });
    const settings = Object.keys(startTraining.shape).filter((name) => name in started.effective);
    expect(settings.length).toBeGreaterThan(30);
    const [events, metrics, ...log] = answerTo('/events').split(/(?=^\{"job_id")|(?<=\})(?=\d{4}-)/m);
    expect(events!.match(/^event: step$/gm)).toHaveLength(3);
    expect(events).toMatch(/^event: job\ndata: .*"status":"completed".*\nid: \d+\n\n$/m);
    const { steps, evaluations } = ENDPOINTS.jobMetrics.answers[200].parse(JSON.parse(metrics!));
    expect([steps.length, evaluations.length > 0]).toEqual([3, true]);
    expect(log.join('')).toContain('Finished.');
    const { jobs } = ENDPOINTS.jobs.answers[200].parse(JSON.parse(answerTo('AUTH=')));
    expect(jobs.map(({ job_id }) => job_id)).toEqual([started.job_id]);
  });

  it('evaluate it', () => {
    const { results } = ENDPOINTS.evaluatePolicy.answers[200].parse(JSON.parse(answerTo('/evaluate-policy')));
    expect(results.total_episodes).toBe(20);
    expect(results.success_ci95[0]).toBeLessThanOrEqual(results.success_rate);
  });

  it('let it play', () => {
    const { trajectory, summary } = ENDPOINTS.generateRollout.answers[200].parse(
      JSON.parse(answerTo('/generate-rollout')),
    );
    expect(trajectory.steps).toHaveLength(summary.steps_taken);
    expect(trajectory.steps[0]!.prompt.length).toBeGreaterThan(0);
  });

  it('do the same with ludic client', () => {
    const printed = answerTo('--action train');
    expect(printed).toContain('step 2/2');
    expect(printed).toMatch(/^Success rate: \d+\.\d\d%$/m);
    expect(printed).toMatch(/^Mean reward: -?\d\.\d{3}$/m);
  });

  it('do the same in TypeScript', () => {
    expect(answerTo('LudicClient').trim()).toMatch(/^1 -?[\d.]+\n2 -?[\d.]+\n[\d.]+$/);
  });
});

describe('a client in Python without any library', () => {
  it('walks from a hash to a trained model, its evaluation and a game', async () => {
    const ludic = [process.execPath, '--disable-warning=ExperimentalWarning', join(ROOT, 'apps/cli/src/main.ts')];
    const script = join(ROOT, 'tests/service_walk.py');
    const python = spawn('python3', [script, join(scratch, 'walk'), ...ludic], { env: environment });
    const [out, err] = await Promise.all([python.stdout.toArray(), python.stderr.toArray(), once(python, 'close')]);
    expect(Buffer.concat(err).toString()).toBe('');
    const walked = JSON.parse(Buffer.concat(out).toString());
    expect(ENDPOINTS.health.answers[200].parse(walked.health).status).toBe('healthy');
    expect(walked.refused).toMatchObject({ status: 401, error: { code: 'unauthorized' } });
    expect(ENDPOINTS.startTraining.answers[202].parse(walked.started).effective).toMatchObject({ max_steps: 2 });
    expect(walked.events.filter((type: string) => type === 'step')).toHaveLength(2);
    expect(ENDPOINTS.job.answers[200].parse(walked.job).status).toBe('completed');
    expect(ENDPOINTS.evaluatePolicy.answers[200].parse(walked.evaluation).results.total_episodes).toBe(5);
    expect(ENDPOINTS.generateRollout.answers[200].parse(walked.rollout).trajectory.steps.length).toBeGreaterThan(0);
    expect(walked.exit).toBe(0);
  }, 120_000);
});
