// One place of a worker: a process that plays and learns, started for the run of the task that comes.

import type { LearnTask } from '@ludic/grpo';
import { type HostTensors, WorkerGone, WorkerProcess } from '@ludic/grpo/internal-node';
import type { ObjectStore } from '@nats-io/obj';
import { readWhole } from './blobs.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import type { HeldRun } from './held-run.ts';
import { type ClusterTask, samplesSchema } from './messages.ts';

/** Bytes of the samples of one shard. */
const LARGEST_SAMPLES = 1024 ** 3;

export interface ShardDone {
  readonly body: Uint8Array;
  /** None of a shard that was played. */
  readonly gradients: HostTensors;
}

export class Slot {
  #process: WorkerProcess | undefined;
  #run: HeldRun | undefined;
  /** The hash of the weights that the process has, and how many it has had. */
  #weights: string | undefined;
  #version = 0;

  /** @throws WorkerGone; Unfit; BlobGone; what the process met */
  async do(held: HeldRun, store: ObjectStore, { run, question, weights }: ClusterTask): Promise<ShardDone> {
    const worker = await this.#ready(held, run, weights);
    if (question.type === 'play') return { body: encodeMessage(await worker.play(question)), gradients: {} };
    const bytes = await readWhole(store, run, question.samples, LARGEST_SAMPLES);
    const samples: LearnTask['samples'] = samplesSchema.parse(decodeMessage(bytes));
    const { learned, gradients } = await worker.learn({ ...question, samples });
    return { body: encodeMessage(learned), gradients };
  }

  async stop(): Promise<void> {
    await this.#process?.dispose();
    this.#process = undefined;
  }

  /** The process with the weights of the task. */
  async #ready(held: HeldRun, run: string, weights: string): Promise<WorkerProcess> {
    if (!this.#process?.alive || this.#run !== held) {
      const setup = await held.open(run);
      await this.stop();
      this.#run = held;
      this.#weights = undefined;
      this.#process = new WorkerProcess(held.setup.timeoutSeconds, () => {});
      await this.#process.open(setup).catch(async (error) => {
        await this.stop();
        throw error;
      });
    }
    const worker = this.#process;
    if (this.#weights !== weights) {
      const tensors = await held.weights(run, weights);
      this.#weights = undefined;
      await worker.setWeights(tensors, ++this.#version);
      if (!worker.alive) throw new WorkerGone('ended while it got its weights');
      this.#weights = weights;
    }
    return worker;
  }
}
