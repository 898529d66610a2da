// A worker as the run sees it: one process, one question at a time. A process that dies, or that is silent for too
// long, is gone for good.

import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { stuckGame } from '@ludic/environments';
import { type Channel, type Following, Requests, type TypedRequest } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import type { HostTensors } from '../local-shards.ts';
import type { LearnedShard, LearnTask, PlayedShard, PlayTask } from '../shards.ts';
import {
  type FromWorker,
  LAST_WORDS,
  type SentTensor,
  type ToWorker,
  type WorkerCalls,
  type WorkerSetup,
} from './worker-protocol.ts';

/** The process is no more: another may do its work. */
export class WorkerGone extends Error {
  /** The sentence about a game that did not come back, where that was why. */
  readonly stuck: string | undefined;
  constructor(reason: string, stuck?: string) {
    super(reason);
    this.stuck = stuck;
    this.name = 'WorkerGone';
  }
}

const LONGEST_TIMER = 2 ** 31 - 1;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #requests: Requests<WorkerCalls>;
  readonly #timeoutSeconds: number;
  readonly #exited: Promise<void>;
  readonly #onGone: (reason: string) => void;
  #onLoss: ((reason: WorkerGone) => void) | undefined;
  #gone: WorkerGone | undefined;
  /** Number of the weights that it has. */
  weights = -1;
  /** Bytes, as it last said. */
  peakMemory = 0;

  /** @param timeoutSeconds the longest that one answer may take */
  constructor(timeoutSeconds: number, onGone: (reason: string) => void) {
    this.#timeoutSeconds = timeoutSeconds;
    this.#onGone = onGone;
    const script = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)), [], {
      serialization: 'advanced',
      execArgv: [],
      // What a library prints must not get between the lines that the run prints.
      stdio: ['ignore', 2, 2, 'ipc', 'pipe'],
    });
    const lastWords = textOf(this.#child.stdio[LAST_WORDS] as Readable | undefined);
    this.#exited = new Promise((resolve) => {
      this.#child.on('exit', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        void lastWords.then((text) => {
          const stuck = stuckGame(text);
          if (stuck === undefined) this.#lose(how);
          else this.#lose(`was ended: ${stuck}`, stuck);
          resolve();
        });
      });
      this.#child.on('error', (error) => {
        this.#lose(`could not be started or reached: ${error.message}`);
        if (this.#child.pid === undefined) resolve();
      });
    });
    this.#channel = ipcChannel(this.#child);
    this.#requests = new Requests(this.#channel.send);
    this.#channel.listen((message) => this.#requests.hear(message));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#gone === undefined;
  }

  get busy(): boolean {
    return this.#onLoss !== undefined;
  }

  async open(setup: WorkerSetup): Promise<void> {
    await this.#ask({ type: 'start' });
    await this.#ask({ type: 'open', setup });
  }

  /** Gives it the present weights, which have a number. */
  async setWeights(weights: HostTensors, version: number): Promise<void> {
    await this.#within(async () => {
      for (const [name, tensor] of Object.entries(weights)) {
        const weight = { name, dims: tensor.dims, data: floats(tensor) };
        // The end of the process says why.
        if (!(await this.#channel.send({ type: 'weight', tensor: weight }))) return this.kill();
      }
    });
    this.weights = version;
  }

  async play(task: PlayTask): Promise<PlayedShard> {
    const { shard, peakMemory } = await this.#ask({ type: 'play', task });
    this.peakMemory = peakMemory;
    return shard;
  }

  /** Gradients are empty where the shard had nothing to learn from. */
  async learn(task: LearnTask): Promise<{ readonly learned: LearnedShard; readonly gradients: HostTensors }> {
    const gradients: Record<string, HostTensor> = {};
    const onPart = ({ name, data, dims }: SentTensor) => {
      gradients[name] = float32(data, dims);
    };
    // Trees stay where they are: the worker builds its own of the ids.
    const samples = task.samples.map(({ promptNode, ...sample }) => sample);
    const { shard, peakMemory } = await this.#ask({ type: 'learn', task: { ...task, samples } }, { onPart });
    this.peakMemory = peakMemory;
    return { learned: shard, gradients };
  }

  /** At once: it has nothing that must be saved. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async dispose(): Promise<void> {
    this.kill();
    await this.#exited;
  }

  #lose(reason: string, stuck?: string): void {
    if (this.#gone) return;
    this.#gone = new WorkerGone(reason, stuck);
    this.kill();
    this.#onGone(reason);
    this.#onLoss?.(this.#gone);
  }

  /** @throws WorkerGone; else what the worker itself met */
  #ask<Type extends keyof WorkerCalls>(
    request: TypedRequest<WorkerCalls, Type>,
    options?: Following<WorkerCalls[Type]['part']>,
  ): Promise<WorkerCalls[Type]['answer']> {
    return this.#within(() => this.#requests.ask(request, options));
  }

  /** Does something with the process while that lives and is not silent for too long. */
  async #within<T>(work: () => Promise<T>): Promise<T> {
    if (this.#gone) throw this.#gone;
    const silent = () => this.#lose(`was silent for ${this.#timeoutSeconds} seconds`);
    const timer = setTimeout(silent, Math.min(LONGEST_TIMER, this.#timeoutSeconds * 1000));
    const { promise: lost, reject } = Promise.withResolvers<never>();
    this.#onLoss = reject;
    try {
      return await Promise.race([work(), lost]);
    } finally {
      clearTimeout(timer);
      this.#onLoss = undefined;
    }
  }
}

/** All that comes; nothing where there is no stream, or where it breaks. */
const textOf = async (stream: Readable | undefined): Promise<string> => (stream ? text(stream).catch(() => '') : '');
