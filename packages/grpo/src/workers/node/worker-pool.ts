// Shards over several processes of this machine. Which process does a shard changes nothing; one that dies is started
// again, and its shard done again. The update itself stays here: AdamW's moments exist once, and workers get the new
// weights.

import type { ResidentTensors } from '@ludic/runtime';
import { GrpoError } from '../../errors.ts';
import type { WorkerEvent } from '../../run/run-options.ts';
import type { Learner } from '../../trainer/learner.ts';
import {
  addedInOrder,
  type LearnedShard,
  type LearnTask,
  type PlayedShard,
  type PlayTask,
  type ShardRunner,
} from '../shards.ts';
import { WorkerGone, WorkerProcess } from './worker-process.ts';
import type { WorkerSetup } from './worker-protocol.ts';

export interface WorkerPoolOptions {
  readonly count: number;
  readonly setup: WorkerSetup;
  /** What training changes. */
  readonly weights: ResidentTensors;
  /** A worker that is silent for so long counts as dead. */
  readonly timeoutSeconds: number;
  readonly onEvent?: ((event: WorkerEvent) => unknown) | undefined;
}

/** So many workers may die over one shard in one update. */
const MOST_DEATHS = 3;
/** A game that does not come back is tried once more. */
const MOST_STUCK = 2;

export class WorkerPool implements ShardRunner {
  readonly #options: WorkerPoolOptions;
  /** By place; started when they are needed. */
  readonly #workers = new Map<number, WorkerProcess>();
  /** Counts the changes of the weights. */
  #version = 0;
  #disposed = false;
  readonly #deaths = new Map<number, number>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Bytes that the workers have had at most, as far as they have said. */
  get peakMemory(): number {
    return [...this.#workers.values()].reduce((sum, worker) => sum + worker.peakMemory, 0);
  }

  async play(tasks: readonly PlayTask[], signal?: AbortSignal): Promise<readonly PlayedShard[]> {
    this.#deaths.clear();
    return this.#all(tasks, (worker, task) => worker.play(task), signal);
  }

  async learn(tasks: readonly LearnTask[], learner: Learner): Promise<readonly LearnedShard[]> {
    const add = addedInOrder(learner);
    return this.#all(tasks, async (worker, task, i) => {
      const { learned, gradients } = await worker.learn(task);
      await add(i, gradients);
      return learned;
    });
  }

  weightsChanged(): void {
    this.#version++;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await Promise.all(Array.from(this.#workers.values(), (worker) => worker.dispose()));
    this.#workers.clear();
  }

  /** Every worker takes the next task when it is done with one. */
  async #all<Task extends PlayTask | LearnTask, Answer>(
    tasks: readonly Task[],
    ask: (worker: WorkerProcess, task: Task, i: number) => Promise<Answer>,
    signal?: AbortSignal,
  ): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    const failure = new AbortController();
    const over = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
    const stop = () => {
      for (const worker of this.#workers.values()) if (worker.busy) worker.kill();
    };
    over.addEventListener('abort', stop);
    let next = 0;
    const serve = async (place: number) => {
      try {
        while (next < tasks.length && !over.aborted) {
          const i = next++;
          answers[i] = await this.#insist(place, tasks[i]!, (worker) => ask(worker, tasks[i]!, i), over);
        }
      } catch (error) {
        failure.abort(error);
      }
    };
    const places = Array.from({ length: Math.min(this.#options.count, tasks.length) }, (_, place) => place);
    await Promise.all(places.map(serve));
    over.throwIfAborted();
    return answers;
  }

  /** Asks the worker of a place, and a new one where that dies. */
  async #insist<Answer>(
    place: number,
    { shard: { index }, step }: PlayTask,
    ask: (worker: WorkerProcess) => Promise<Answer>,
    over: AbortSignal,
  ): Promise<Answer> {
    for (;;) {
      over.throwIfAborted();
      try {
        return await ask(await this.#ready(place));
      } catch (error) {
        over.throwIfAborted();
        if (!(error instanceof WorkerGone)) throw error;
        const deaths = (this.#deaths.get(index) ?? 0) + 1;
        this.#deaths.set(index, deaths);
        if (error.stuck !== undefined && deaths >= MOST_STUCK) {
          throw new GrpoError(
            'game_stuck',
            `${error.stuck} It was tried ${deaths} times. The checkpoints are kept: once the game is mended, the run can be resumed.`,
            { cause: error },
          );
        }
        if (deaths < MOST_DEATHS) continue;
        throw new GrpoError(
          'worker_failed',
          `Shard ${index + 1} of step ${step} was given up: its process died ${deaths} times; the last ${error.message}. ` +
            'If memory is short, take fewer workers. The checkpoints are kept: --resume goes on from the last one.',
          { cause: error },
        );
      }
    }
  }

  /** The worker of a place with the present weights. */
  async #ready(place: number): Promise<WorkerProcess> {
    const known = this.#workers.get(place);
    const worker = known?.alive ? known : await this.#start(place);
    if (worker.weights !== this.#version)
      await worker.setWeights(await this.#options.weights.download(), this.#version);
    return worker;
  }

  async #start(place: number): Promise<WorkerProcess> {
    const { setup, timeoutSeconds, onEvent } = this.#options;
    const worker: WorkerProcess = new WorkerProcess(timeoutSeconds, (reason) => {
      if (!this.#disposed) onEvent?.({ type: 'worker_lost', pid: worker.pid, reason });
    });
    this.#workers.set(place, worker);
    onEvent?.({ type: 'worker_started', pid: worker.pid });
    try {
      await worker.open(setup);
    } catch (error) {
      worker.kill();
      throw error;
    }
    return worker;
  }
}
