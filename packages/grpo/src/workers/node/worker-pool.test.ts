// Workers change nothing but the time: the same bytes for the same shards, whichever plays them and whichever dies.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LanguageModel } from '@ludic/inference';
import { trainedParameters } from '@ludic/inference/internal';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING, type ShardRunner, type StepMetrics, Trainer, type TrainSettings } from '../../index.ts';
import type { WorkerEvent } from '../../run/run-options.ts';
import { openTrained } from '../../trainer/open-trained.ts';
import { WorkerPool } from './worker-pool.ts';

const nano = fileURLToPath(new URL('../../../../nano/model/', import.meta.url));
const runtime = { device: 'cpu', threads: 1 } as const;

const common = {
  ...DEFAULT_TRAINING,
  steps: 5,
  groupSize: 4,
  // Five groups in four shards: they need not be equal.
  batchSize: 20,
  shards: 4,
  learningRate: 1e-3,
};
const GAMES: readonly (readonly [string, TrainSettings])[] = [
  [
    'tic_tac_toe, with a reference, two passes and replaced groups',
    {
      ...common,
      environment: 'tic_tac_toe',
      environmentConfig: { invalid_penalty: 0.3 },
      maxCompletionLength: 4,
      dynamicSamplingRounds: 1,
      numIterations: 2,
      loss: { ...common.loss, beta: 0.1, entropyCoefficient: 0.01 },
    },
  ],
  [
    'key_door, an adapter on the whole conversation, with layers computed twice',
    {
      ...common,
      environment: 'key_door',
      environmentConfig: { max_steps: 5 },
      history: 'FULL_HISTORY',
      advantageEstimator: 'group_turn',
      maxCompletionLength: 8,
      tokenBudget: 1500,
      gradientCheckpointing: true,
      lora: { rank: 4, alpha: 8, targets: [], rankStabilized: false },
      loss: { ...common.loss, beta: 0.1 },
    },
  ],
];

interface Outcome {
  readonly curve: readonly StepMetrics[];
  /** After each step. */
  readonly checksums: readonly string[];
  readonly events: readonly WorkerEvent[];
}

/** Lets the test do something while the workers are at it. */
type Disturb = (phase: 'play' | 'learn', step: number, alive: () => readonly number[]) => void;

async function checksumOf(model: LanguageModel): Promise<string> {
  const hash = createHash('sha256');
  for (const { data } of Object.values(await trainedParameters(model).download())) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

async function train(
  settings: TrainSettings,
  workers: number,
  disturb: Disturb = () => {},
  timeoutSeconds = 60,
): Promise<Outcome> {
  const model = await openTrained(await openModelFolder(nano), settings, await createRuntime(runtime));
  const events: WorkerEvent[] = [];
  const alive = () => {
    const pids = (type: WorkerEvent['type']) => events.filter((event) => event.type === type).map(({ pid }) => pid!);
    const lost = new Set(pids('worker_lost'));
    return pids('worker_started').filter((pid) => !lost.has(pid));
  };
  const pool = new WorkerPool({
    count: workers,
    setup: { model: nano, settings, runtime },
    weights: trainedParameters(model),
    timeoutSeconds,
    onEvent: (event) => void events.push(event),
  });
  const disturbed: ShardRunner = {
    play(tasks, signal) {
      const played = pool.play(tasks, signal);
      disturb('play', tasks[0]!.step, alive);
      return played;
    },
    learn(tasks, learner) {
      const learned = pool.learn(tasks, learner);
      disturb('learn', tasks[0]!.step, alive);
      return learned;
    },
    weightsChanged: () => pool.weightsChanged(),
    dispose: () => pool.dispose(),
  };
  const trainer = await Trainer.create(model, settings, workers > 1 ? disturbed : undefined);
  try {
    const curve: StepMetrics[] = [];
    const checksums: string[] = [];
    for (let step = 0; step < settings.steps; step++) {
      curve.push((await trainer.runStep()).metrics);
      checksums.push(await checksumOf(model));
    }
    return { curve, checksums, events };
  } finally {
    await trainer.dispose();
  }
}

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe.each(GAMES)('%s', (_, settings) => {
  const alone = train(settings, 1);

  it.each([2, 4])('%i workers give the bytes of one', { timeout: 120_000 }, async (workers) => {
    const { curve, checksums, events } = await train(settings, workers);
    const expected = await alone;
    expect(checksums).toEqual(expected.checksums);
    expect(new Set(checksums).size).toBe(settings.steps);
    expect(curve).toEqual(expected.curve);
    expect(events.map(({ type }) => type)).toEqual(new Array(workers).fill('worker_started'));
    for (const { pid } of events) expect(isThere(pid!)).toBe(false);
  });

  it('so they do when workers are killed in each update', { timeout: 120_000 }, async () => {
    const killed: number[] = [];
    const done = new Set<string>();
    const { curve, checksums, events } = await train(settings, 2, (phase, step, alive) => {
      const kill = () => {
        const pid = alive().at(step % 2);
        if (pid === undefined || killed.includes(pid)) return;
        process.kill(pid, 'SIGKILL');
        killed.push(pid);
      };
      // Once while games are played, once while gradients are found; early or somewhat later. Three times would be the end.
      if (done.has(`${phase} ${step}`)) return;
      done.add(`${phase} ${step}`);
      if (phase === 'play') setTimeout(kill, step === 1 ? 300 : 7 * (step - 2));
      else setTimeout(kill, 5 * (step - 1));
    });
    const expected = await alone;
    expect(killed.length).toBeGreaterThanOrEqual(settings.steps);
    const lost = events.filter(({ type }) => type === 'worker_lost');
    expect(lost.map(({ pid }) => pid)).toEqual(expect.arrayContaining(killed.slice(0, -1)));
    expect(checksums).toEqual(expected.checksums);
    expect(curve).toEqual(expected.curve);
  });
});

describe('a pool of workers', () => {
  const settings: TrainSettings = { ...GAMES[0]![1], steps: 2 };

  it('starts a worker again that has stopped answering', async () => {
    let stopped: number | undefined;
    const { checksums, events } = await train(
      settings,
      2,
      (phase, step, alive) => {
        if (phase === 'play' && step === 2) process.kill((stopped = alive()[0]!), 'SIGSTOP');
      },
      8,
    );
    const lost = events.filter((event) => event.type === 'worker_lost');
    expect(lost).toMatchObject([{ pid: stopped, reason: 'was silent for 8 seconds' }]);
    expect(isThere(stopped!)).toBe(false);
    expect(checksums).toEqual((await train(settings, 1)).checksums);
  });

  it('gives a shard up whose process dies three times, and leaves none behind', async () => {
    let over = false;
    const seen = new Set<number>();
    const run = train(settings, 2, (_, __, alive) => {
      void (async () => {
        while (!over) {
          for (const pid of alive()) {
            seen.add(pid);
            if (isThere(pid)) process.kill(pid, 'SIGKILL');
          }
          await sleep(20);
        }
      })();
    }).finally(() => {
      over = true;
    });
    await expect(run).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringMatching(
        /^Shard \d of step 1 was given up: its process died 3 times; the last was ended by/,
      ),
    });
    for (const pid of seen) expect(isThere(pid)).toBe(false);
  });

  it('passes on what a worker meets that another would meet again', async () => {
    const model = await openTrained(await openModelFolder(nano), settings, await createRuntime(runtime));
    const events: WorkerEvent[] = [];
    const pool = new WorkerPool({
      count: 2,
      setup: { model: '/nowhere/at/all', settings, runtime },
      weights: trainedParameters(model),
      timeoutSeconds: 60,
      onEvent: (event) => void events.push(event),
    });
    const trainer = await Trainer.create(model, settings, pool);
    await expect(trainer.runStep()).rejects.toMatchObject({ name: 'ModelError', code: 'not_a_model' });
    await trainer.dispose();
    for (const { pid } of events) expect(isThere(pid!)).toBe(false);
  });

  it('stops at once when the run is stopped, and can go on', async () => {
    const model = await openTrained(await openModelFolder(nano), settings, await createRuntime(runtime));
    const events: WorkerEvent[] = [];
    const pool = new WorkerPool({
      count: 2,
      setup: { model: nano, settings, runtime },
      weights: trainedParameters(model),
      timeoutSeconds: 60,
      onEvent: (event) => void events.push(event),
    });
    const trainer = await Trainer.create(model, settings, pool);
    const controller = new AbortController();
    const step = trainer.runStep(controller.signal);
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(step).rejects.toThrow('enough');
    await trainer.runStep();
    const first = await checksumOf(model);
    await trainer.dispose();
    expect(first).toBe((await train(settings, 1)).checksums[0]);
    for (const { pid } of events) expect(isThere(pid!)).toBe(false);
  });
});
