// For tests: trainings of nano in this process, alone or with workers that are processes of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TRAINING, type ShardRunner, type StepMetrics, Trainer, type TrainSettings } from '@ludic/grpo';
import { openTrained } from '@ludic/grpo/internal-node';
import type { RunEvent } from '@ludic/grpo/node';
import type { LanguageModel } from '@ludic/inference';
import { trainedParameters } from '@ludic/inference/internal';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { type NatsOptions, natsShards } from '../src/node.ts';

const NANO = fileURLToPath(new URL('../../nano/model/', import.meta.url));
const WORKER = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
const RUNTIME = { device: 'cpu', threads: 1 } as const;
/** Short, so that what is lost is soon done again. */
export const ACK_WAIT = 5;

const common = {
  ...DEFAULT_TRAINING,
  steps: 3,
  groupSize: 4,
  // Five groups in four shards: they need not be equal.
  batchSize: 20,
  shards: 4,
  learningRate: 1e-3,
};
/** With a reference, two passes and replaced groups. */
export const TIC_TAC_TOE: TrainSettings = {
  ...common,
  environment: 'tic_tac_toe',
  environmentConfig: { invalid_penalty: 0.3 },
  maxCompletionLength: 4,
  dynamicSamplingRounds: 1,
  numIterations: 2,
  loss: { ...common.loss, beta: 0.1, entropyCoefficient: 0.01 },
};
/** An adapter on the whole conversation. */
export const KEY_DOOR: TrainSettings = {
  ...common,
  environment: 'key_door',
  environmentConfig: { max_steps: 5 },
  history: 'FULL_HISTORY',
  advantageEstimator: 'group_turn',
  maxCompletionLength: 8,
  tokenBudget: 1500,
  lora: { rank: 4, alpha: 8, targets: [], rankStabilized: false },
  loss: { ...common.loss, beta: 0.1 },
};

export class WorkerProcesses {
  readonly #url: string;
  readonly all: ChildProcess[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  /** Starts workers until there are so many that have not ended. */
  async have(count: number, ...games: readonly string[]): Promise<void> {
    const living = () => this.all.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const begun: Promise<unknown>[] = [];
    while (living().length < count) {
      const child = spawn(process.execPath, [WORKER, this.#url, '1', ...games], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      this.all.push(child);
      begun.push(once(child.stdout!, 'data'));
      child.stdout!.resume();
    }
    await Promise.all(begun);
  }

  async end(): Promise<void> {
    for (const child of this.all.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }
}

export interface Trained {
  readonly curve: readonly StepMetrics[];
  /** After each step. */
  readonly checksums: readonly string[];
  readonly events: readonly RunEvent[];
}

/** Lets a test do something while workers are at it. */
export type Disturb = (phase: 'play' | 'learn', step: number, events: readonly RunEvent[]) => void;

async function checksumOf(model: LanguageModel): Promise<string> {
  const hash = createHash('sha256');
  for (const { data } of Object.values(await trainedParameters(model).download()))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** @param nats by default this process alone trains */
export async function trained(
  settings: TrainSettings,
  nats?: NatsOptions,
  disturb: Disturb = () => {},
): Promise<Trained> {
  const model = await openTrained(await openModelFolder(NANO), settings, await createRuntime(RUNTIME));
  const folder = await mkdtemp(join(tmpdir(), 'ludic-far-'));
  const events: RunEvent[] = [];
  const shards =
    nats &&
    natsShards({ nats, folder, newName: randomUUID, ackWaitSeconds: ACK_WAIT })({
      setup: { model: NANO, settings, runtime: RUNTIME },
      weights: trainedParameters(model),
      timeoutSeconds: 60,
      onEvent: (event) => void events.push(event),
    });
  const disturbed: ShardRunner | undefined = shards && {
    play(tasks, signal) {
      disturb('play', tasks[0]!.step, events);
      return shards.play(tasks, signal);
    },
    learn(tasks, learner) {
      disturb('learn', tasks[0]!.step, events);
      return shards.learn(tasks, learner);
    },
    weightsChanged: () => shards.weightsChanged(),
    dispose: () => shards.dispose(),
  };
  const trainer = await Trainer.create(model, settings, disturbed);
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
    await rm(folder, { recursive: true, force: true });
  }
}
