// The shards of a run, handed to workers of other machines. Which of them does a shard changes nothing; what a worker that
// dies or stalls had is done again by another. The update itself stays here, as with local workers.

import type { LearnedShard, Learner, LearnTask, PlayedShard, PlayTask } from '@ludic/grpo';
import { GrpoError } from '@ludic/grpo';
import { addedInOrder, type ElsewhereOptions, type SharedUpdates } from '@ludic/grpo/internal-node';
import { safetensorsParts } from '@ludic/models/internal';
import { floats } from '@ludic/runtime';
import { BlobWriter, hashOf } from './blobs.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { insist, type Link, type NatsOptions, openLink } from './connection.ts';
import { type ClusterTask, learnedSchema, playedSchema } from './messages.ts';
import { PROTOCOL } from './names.ts';
import { OpenTask, type TaskAnswer } from './open-task.ts';
import { type PublishedSetup, publishedSetup } from './published-setup.ts';
import { identifyRun } from './run-identity.ts';
import { hearRun, leaveRun, prepareServer, takeOverRun } from './server-setup.ts';
import { TaskBoard } from './task-board.ts';

/** Seconds. A worker gives signs three times as often. */
const ACK_WAIT = 10;

/** How a run reaches its workers. */
export interface ClusterOptions {
  readonly nats: NatsOptions;
  /** Of the run; it keeps what the run is called on the server. */
  readonly folder: string;
  /** Makes a name of letters and digits that no other run has. */
  readonly newName: () => string;
  /** A worker that gives no sign for so long has its shard done by another. Default 10. */
  readonly ackWaitSeconds?: number;
}

interface RunOnServer {
  readonly link: Link;
  readonly run: string;
  readonly starts: number;
  readonly setup: PublishedSetup;
  readonly board: TaskBoard;
  /** Removes all that the run has on the server. */
  readonly leave: () => Promise<void>;
  /** Stores and removes, once the server takes it. */
  readonly store: (work: (blobs: BlobWriter) => Promise<void>) => Promise<void>;
}

/** Bytes under their hash. */
interface Stored {
  readonly sha256: string;
  readonly parts: readonly Uint8Array[];
}

/** Workers of other machines for `WorkerOptions.elsewhere` of a run. */
export const natsShards =
  (cluster: ClusterOptions) =>
  (given: ElsewhereOptions): SharedUpdates =>
    new NatsShards(cluster, given);

class NatsShards implements SharedUpdates {
  /** What other machines need is no matter of this one. */
  readonly peakMemory = 0;
  readonly #cluster: ClusterOptions;
  readonly #given: ElsewhereOptions;
  #opened: Promise<RunOnServer> | undefined;
  /** Counts the changes of the weights. */
  #version = 0;
  #weights: (Stored & { readonly version: number }) | undefined;
  /** Of the batch that is learned from, by their hashes. */
  readonly #samples = new Map<string, Stored>();
  #sampledStep: number | undefined;
  readonly #over = new AbortController();
  /** Counts the tasks. */
  #asked = 0;

  constructor(cluster: ClusterOptions, given: ElsewhereOptions) {
    const { baseBits, numIterations } = given.setup.settings;
    // What the trainer took before the first update stays in the process that took it.
    if (baseBits !== undefined && numIterations > 1)
      throw new GrpoError(
        'bad_setting',
        'base_bits with num_iterations above 1 cannot be trained over NATS yet: leave out one of them, or --nats.',
      );
    this.#cluster = cluster;
    this.#given = given;
  }

  async play(tasks: readonly PlayTask[], signal?: AbortSignal): Promise<readonly PlayedShard[]> {
    const { groupSize } = this.#given.setup.settings;
    return this.#all(
      tasks,
      async ({ shard, step }) => ({ type: 'play', shard, step }),
      ({ shard }, { body }) => {
        const played = playedSchema.parse(decodeMessage(body));
        if (played.episodes.length !== shard.groups * groupSize)
          throw new Error(`it has ${played.episodes.length} games instead of ${shard.groups * groupSize}`);
        return played;
      },
      signal,
    );
  }

  async learn(tasks: readonly LearnTask[], learner: Learner): Promise<readonly LearnedShard[]> {
    const add = addedInOrder(learner);
    const { store } = await this.#open();
    await this.#forgetSamples(tasks[0]?.step);
    const answers = await this.#all(
      tasks,
      async ({ shard, step, iteration, coefficients, samples }) => {
        // Trees stay where they are: the worker builds its own of the ids.
        const bytes = encodeMessage(samples.map(({ promptNode, ...sample }) => sample));
        const stored = { sha256: hashOf([bytes]), parts: [bytes] };
        this.#samples.set(stored.sha256, stored);
        await store((blobs) => blobs.put(stored.sha256, stored.parts));
        return { type: 'learn', shard, step, iteration, coefficients, samples: stored.sha256 };
      },
      (_, { body, gradients }) => ({ learned: learnedSchema.parse(decodeMessage(body)), gradients }),
      undefined,
      ({ gradients }, i) => add(i, gradients),
    );
    return answers.map(({ learned }) => learned);
  }

  weightsChanged(): void {
    this.#version++;
  }

  async dispose(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    if (!opened) return;
    const { link, board } = opened;
    this.#over.abort();
    await board.close();
    // Where the server is away, the next start of the run clears up.
    const isThere = !link.connection.isClosed() && (await within(2000, link.connection.flush()));
    if (isThere) await opened.leave().catch(() => {});
    await link.connection.close();
  }

  /** Has all tasks done under the present weights; answers are in the order of the tasks. */
  async #all<Task extends PlayTask, Answer>(
    tasks: readonly Task[],
    ask: (task: Task) => Promise<ClusterTask['question']>,
    read: (task: Task, answer: TaskAnswer) => Answer,
    signal?: AbortSignal,
    take?: (answer: Answer, i: number) => Promise<void>,
  ): Promise<readonly Answer[]> {
    signal?.throwIfAborted();
    const { board, run, starts, setup } = await this.#open();
    const weights = await this.#publishWeights();
    const failure = new AbortController();
    const over = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
    const shapes = this.#given.weights.shapes;
    const one = async (task: Task, i: number): Promise<Answer> => {
      const question = await ask(task);
      const id = `${starts}.${++this.#asked}.${question.type}`;
      const message = encodeMessage({
        protocol: PROTOCOL,
        run,
        id,
        setup: setup.sha256,
        weights,
        question,
      } satisfies ClusterTask);
      const what = `Shard ${task.shard.index + 1} of step ${task.step}`;
      const open = new OpenTask(what, question.type === 'learn' ? shapes : new Map());
      const answer = await board.ask({ id, task: open, message, read: (given) => read(task, given) }, over);
      await take?.(answer, i);
      return answer;
    };
    try {
      return await Promise.all(
        tasks.map((task, i) =>
          one(task, i).catch((error) => {
            failure.abort(error);
            throw error;
          }),
        ),
      );
    } catch (error) {
      await board.clear();
      over.throwIfAborted();
      throw error;
    }
  }

  #open(): Promise<RunOnServer> {
    this.#opened ??= this.#begin();
    return this.#opened;
  }

  async #begin(): Promise<RunOnServer> {
    const { nats, folder, newName, ackWaitSeconds = ACK_WAIT } = this.#cluster;
    const { setup, timeoutSeconds, onEvent } = this.#given;
    const link = await openLink(nats);
    try {
      const { run, starts } = await identifyRun(folder, newName);
      const ackWait = 1000 * ackWaitSeconds;
      let blobs = new BlobWriter(await prepareServer(link, ackWait), link.manager, run);
      await takeOverRun(link, run);
      const published = await publishedSetup(setup, timeoutSeconds);
      await blobs.keepOnly(published.hashes);
      await published.store(blobs);
      const restore = async () => {
        blobs = new BlobWriter(await prepareServer(link, ackWait), link.manager, run);
        await hearRun(link, run);
        await published.store(blobs);
        for (const { sha256, parts } of [...(this.#weights ? [this.#weights] : []), ...this.#samples.values()])
          await blobs.put(sha256, parts);
      };
      const board = new TaskBoard({ link, run, ackWait, restore, onEvent });
      const store = (work: (blobs: BlobWriter) => Promise<void>) =>
        insist(() => work(blobs), 'the store of a run', this.#over.signal);
      const leave = async () => {
        await leaveRun(link, run);
        await blobs.keepOnly(new Set());
      };
      return { link, run, starts, setup: published, board, store, leave };
    } catch (error) {
      await link.connection.close();
      throw error;
    }
  }

  /** The hash of the present weights, which are stored, and the former ones no longer. */
  async #publishWeights(): Promise<string> {
    const known = this.#weights;
    if (known?.version === this.#version) return known.sha256;
    const { store } = await this.#open();
    const version = this.#version;
    const tensors = Object.entries(await this.#given.weights.download()).map(([name, tensor]) => {
      const { buffer, byteOffset, byteLength } = floats(tensor);
      return { name, dtype: 'F32' as const, shape: tensor.dims, data: new Uint8Array(buffer, byteOffset, byteLength) };
    });
    const parts = safetensorsParts(tensors, {});
    const sha256 = hashOf(parts);
    await store((blobs) => blobs.put(sha256, parts));
    this.#weights = { version, sha256, parts };
    if (known && known.sha256 !== sha256) await store((blobs) => blobs.remove(known.sha256));
    return sha256;
  }

  /** Removes the samples of an earlier step. */
  async #forgetSamples(step: number | undefined): Promise<void> {
    if (step === this.#sampledStep) return;
    this.#sampledStep = step;
    const { store } = await this.#open();
    for (const sha256 of this.#samples.keys()) await store((blobs) => blobs.remove(sha256));
    this.#samples.clear();
  }
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  try {
    return await Promise.race([work.then(() => true), promise]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
