// W&B's own Python client goes on with a run of ours. Skipped where LUDIC_PYTHON, or python3, has no wandb.

import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING } from '../packages/grpo/src/index.ts';
import { type RunEvent, RunFolder } from '../packages/grpo/src/node.ts';
import { deliver, RunTracker } from '../packages/tracking/src/node.ts';
import { ENTITY, WANDB_KEY, WandbServer } from '../packages/tracking/testing/wandb-server.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import wandb; wandb.Settings'], { stdio: 'ignore' }).status === 0;
const CLIENT = fileURLToPath(new URL('../packages/tracking/testing/wandb_client.py', import.meta.url));

describe.skipIf(!isThere)("W&B's own client", () => {
  let server: WandbServer;
  let scratch = '';
  beforeEach(async () => {
    server = await WandbServer.start();
    scratch = await mkdtemp(join(tmpdir(), 'ludic-wandb-'));
  });
  afterEach(async () => {
    await server.goAway();
    await rm(scratch, { recursive: true, force: true });
  });

  it('resumes a run of ours, and ours goes on behind it', async () => {
    const run = join(scratch, 'run');
    const environment = { WANDB_API_KEY: WANDB_KEY, WANDB_BASE_URL: server.baseUrl };
    const clock = {
      now: () => Date.now(),
      random: Math.random,
      sleep: (milliseconds: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, milliseconds === 15_000 ? milliseconds : Math.min(milliseconds, 50));
          signal?.addEventListener('abort', () => {
            clearTimeout(timer);
            resolve();
          });
        }),
    };
    const options = { run, environment, clock, say: () => {} };
    const settings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe' };
    const folder = await RunFolder.create(run, { formatVersion: 1, model: 'nano', settings });
    const tracker = new RunTracker({ ...options, settings: { wandb: { project: 'games' } } });
    tracker.on({ type: 'start', step: 0 } as RunEvent);
    const step = (n: number) => folder.append('metrics.jsonl', [{ type: 'step', step: n, loss: n / 8, seconds: 1 }]);
    for (const n of [1, 2, 3]) await step(n);
    await tracker.end('interrupted');
    const [path] = server.runs.keys();
    await promisify(execFile)(PYTHON, [CLIENT, 'games', ENTITY, path!.split('/').at(-1)!, 'must'], {
      env: { ...process.env, ...environment, WANDB_ERROR_REPORTING: 'false' },
      timeout: 100_000,
    });
    // It goes on at the step behind ours.
    expect(server.run.history.map(({ _step }) => _step)).toEqual([1, 2, 3, 4, 5, 6]);
    await step(4);
    expect(await deliver(options)).toMatchObject({ steps: 4 });
    expect(server.run.history.map(({ _step }) => _step)).toEqual([1, 2, 3, 4, 5, 6, 4]);
    expect(server.complaints).toEqual([]);
  }, 120_000);
});
