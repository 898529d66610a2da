// A worker as the run sees it: one process, one question at a time. A process that dies, or that is silent for too
// long, is gone for good.

import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { stuckGame } from '@ludic/environments';
import { deserializeError } from '@ludic/io';
import { float32, floats, type HostTensor, type ResidentTensors } from '@ludic/runtime';
import type { LearnedShard, LearnTask, PlayedShard, PlayTask } from '../shards.ts';
import { type FromWorker, LAST_WORDS, type ToWorker, type WorkerSetup } from './worker-protocol.ts';

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

/** A gradient by parameter, empty where a shard had nothing to learn from. */
export type Gradients = Readonly<Record<string, HostTensor>>;

const LONGEST_TIMER = 2 ** 31 - 1;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #timeoutSeconds: number;
  readonly #exited: Promise<void>;
  readonly #onGone: (reason: string) => void;
  #onAnswer: ((message: FromWorker) => void) | undefined;
  #onLoss: ((reason: WorkerGone) => void) | undefined;
  #gradients: Record<string, HostTensor> = {};
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
    this.#child.on('message', (message: FromWorker) => {
      if (message.kind === 'gradient') {
        const { name, data, dims } = message.tensor;
        this.#gradients[name] = float32(data, dims);
      } else if (this.#onAnswer) this.#onAnswer(message);
      // It answers no question, as with weights that do not fit: it must not go on with what it has.
      else if (message.kind === 'failed') this.#lose(`failed: ${message.error.message}`);
    });
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
    await this.#ask(undefined, 'ready');
    await this.#ask({ kind: 'open', setup }, 'opened');
  }

  /** Gives it the present weights, which have a number. */
  async setWeights(weights: ResidentTensors, version: number): Promise<void> {
    const here = await weights.download();
    const sendAll = async () => {
      for (const [name, tensor] of Object.entries(here)) {
        await this.#send({ kind: 'weight', tensor: { name, dims: tensor.dims, data: floats(tensor) } });
      }
    };
    await this.#within<void>((resolve) => void sendAll().then(resolve));
    this.weights = version;
  }

  async play(task: PlayTask): Promise<PlayedShard> {
    const { shard, peakMemory } = await this.#ask({ kind: 'play', task }, 'played');
    this.peakMemory = peakMemory;
    return shard;
  }

  async learn(task: LearnTask): Promise<{ readonly learned: LearnedShard; readonly gradients: Gradients }> {
    this.#gradients = {};
    const { shard, peakMemory } = await this.#ask({ kind: 'learn', task }, 'learned');
    this.peakMemory = peakMemory;
    const gradients = this.#gradients;
    this.#gradients = {};
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
  async #ask<Kind extends FromWorker['kind']>(
    message: ToWorker | undefined,
    kind: Kind,
  ): Promise<Extract<FromWorker, { kind: Kind }>> {
    const reply = await this.#within<FromWorker>((resolve) => {
      this.#onAnswer = resolve;
      if (message) void this.#send(message);
    });
    if (reply.kind === 'failed') throw deserializeError(reply.error);
    if (reply.kind !== kind) throw new Error(`A worker answered ${reply.kind} where ${kind} was due.`);
    return reply as Extract<FromWorker, { kind: Kind }>;
  }

  /** Does something with the process while that lives and is not silent for too long. */
  async #within<T>(begin: (resolve: (value: T) => void) => void): Promise<T> {
    if (this.#gone) throw this.#gone;
    const silent = () => this.#lose(`was silent for ${this.#timeoutSeconds} seconds`);
    const timer = setTimeout(silent, Math.min(LONGEST_TIMER, this.#timeoutSeconds * 1000));
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#onLoss = reject;
        begin(resolve);
      });
    } finally {
      clearTimeout(timer);
      this.#onLoss = undefined;
      this.#onAnswer = undefined;
    }
  }

  /** Done when the message is on its way; never, where the process is gone. */
  #send(message: ToWorker): Promise<void> {
    return new Promise((resolve) => {
      // The end of the process says why.
      this.#child.send(message, (error) => (error ? this.kill() : resolve()));
    });
  }
}

/** All that comes; nothing where there is no stream, or where it breaks. */
const textOf = async (stream: Readable | undefined): Promise<string> => (stream ? text(stream).catch(() => '') : '');
