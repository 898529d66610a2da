// A worker: takes tasks of any run from the queue of a NATS server, one for each place that it has, and sends back what came
// of them. It keeps nothing that another worker could not have.

import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkerGone } from '@ludic/grpo/internal-node';
import { type SerializedError, serializeError, sleep } from '@ludic/io';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import type { ObjectStore } from '@nats-io/obj';
import { BlobGone } from './blobs.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { insist, type Link, type NatsOptions, openLink } from './connection.ts';
import { HeldRun, Unfit } from './held-run.ts';
import { type ClusterTask, taskSchema, type WorkerReport } from './messages.ts';
import { answerSubject, BUCKET, PROTOCOL, TASKS, WORKERS } from './names.ts';
import { cutAnswer, endOf } from './pieces.ts';
import { Slot } from './slot.ts';

/** Milliseconds that the server keeps a question for a task open. */
const WAIT = 5000;
/** Milliseconds between two looks for what is not there yet. */
const PAUSE = 500;
/** The longest wait of a worker that can do nothing of what comes. */
const LONGEST_PAUSE = 60_000;
/** Parts of an answer that are on their way at once. */
const WINDOW = 8;
/** Runs whose models are kept on the disk. */
const MOST_RUNS = 2;

/** What a worker takes part with. */
export interface WorkerRunOptions {
  readonly nats: NatsOptions;
  /** CPU threads that it may use: it works on as many shards at once as the threads of the run go into that. */
  readonly threads: number;
  /** Names this worker among all. */
  readonly id: string;
  /** Says what happens, a line at a time. */
  readonly say: (line: string) => void;
  /** Aborting it hands the tasks back and ends the worker. */
  readonly signal: AbortSignal;
}

/** Works until the signal is aborted. @throws ClusterError */
export async function runWorker(options: WorkerRunOptions): Promise<void> {
  const link = await openLink(options.nats);
  const folder = await mkdtemp(join(tmpdir(), 'ludic-worker-'));
  const worker = new ClusterWorker(link, folder, options);
  try {
    await worker.work();
  } finally {
    await worker.stop();
    await link.connection.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A task that is being worked on. */
interface Held {
  readonly task: ClusterTask;
  readonly delivery: number;
  /** The newest delivery of it, for signs and for the end. */
  message: JsMsg;
}

class ClusterWorker {
  readonly #link: Link;
  readonly #folder: string;
  readonly #options: WorkerRunOptions;
  readonly #slots: readonly Slot[];
  /** By the hash of their setup, oldest first. */
  readonly #runs = new Map<string, Promise<HeldRun>>();
  readonly #held = new Map<string, Held>();
  #opened = 0;
  /** Tasks in a row that it could not do. */
  #misfits = 0;
  /** Slots that take tasks: one until the threads of a run are known. */
  #taking = 1;

  constructor(link: Link, folder: string, options: WorkerRunOptions) {
    this.#link = link;
    this.#folder = folder;
    this.#options = options;
    this.#slots = Array.from({ length: options.threads }, () => new Slot());
  }

  async work(): Promise<void> {
    const { signal, say } = this.#options;
    const store = await this.#link.bucket(BUCKET);
    say(`Waiting for shards at ${this.#link.connection.getServer()}`);
    const failure = new AbortController();
    const over = AbortSignal.any([signal, failure.signal]);
    await Promise.all(
      this.#slots.map((slot, i) =>
        this.#serve(slot, i, store, over).catch((error) => {
          if (!over.aborted) failure.abort(error);
        }),
      ),
    );
    failure.signal.throwIfAborted();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  async #serve(slot: Slot, place: number, store: ObjectStore, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      if (place >= this.#taking) {
        await sleep(PAUSE, over);
        continue;
      }
      // Before a first run there is no queue; after a server was away there may be another.
      const consumer = await insist(() => this.#link.streams.consumers.get(TASKS, WORKERS), 'the queue', over);
      const ackWait = ((await consumer.info(true)).config.ack_wait ?? 0) / 1e6;
      await this.#take(slot, place, store, consumer, ackWait, over).catch(async () => {
        if (!over.aborted) await sleep(PAUSE, over);
      });
    }
  }

  /** Takes tasks as long as the queue is there. */
  async #take(
    slot: Slot,
    place: number,
    store: ObjectStore,
    consumer: Consumer,
    ackWait: number,
    over: AbortSignal,
  ): Promise<void> {
    while (!over.aborted && place < this.#taking) {
      const message = await nextOf(consumer, over);
      if (!message) continue;
      if (over.aborted) message.nak();
      else await this.#handle(slot, store, message, ackWait, over);
    }
  }

  async #handle(slot: Slot, store: ObjectStore, message: JsMsg, ackWait: number, over: AbortSignal): Promise<void> {
    let task: ClusterTask;
    try {
      task = taskSchema.parse(decodeMessage(message.data));
    } catch {
      this.#options.say('A task that is none of this version was refused.');
      message.term();
      return;
    }
    const known = this.#held.get(task.id);
    // Signs were lost on their way: it is worked on already.
    if (known) {
      known.message = message;
      message.working();
      return;
    }
    const held: Held = { task, delivery: message.info.deliveryCount, message };
    this.#held.set(task.id, held);
    const signs = setInterval(() => held.message.working(), ackWait / 3);
    try {
      await this.#do(slot, store, held, over);
    } finally {
      clearInterval(signs);
      this.#held.delete(task.id);
    }
  }

  async #do(slot: Slot, store: ObjectStore, held: Held, over: AbortSignal): Promise<void> {
    const { task } = held;
    const began = () => this.#say(held, { type: 'taken' }, over);
    try {
      await began();
      const stop = () => void slot.stop();
      over.addEventListener('abort', stop);
      try {
        const run = await this.#run(store, task);
        this.#taking = Math.max(1, run.threads === undefined ? 1 : Math.floor(this.#options.threads / run.threads));
        const { body, gradients } = await slot.do(run, store, task);
        const sending = new Set<Promise<void>>();
        for (const pieces of cutAnswer(body, gradients)) {
          if (sending.size >= WINDOW) await Promise.race(sending);
          const part = this.#say(held, { type: 'part', pieces: [...pieces] }, over).finally(() => sending.delete(part));
          sending.add(part);
        }
        await Promise.all(sending);
        await this.#say(held, endOf(body, gradients), over);
        held.message.ack();
        this.#misfits = 0;
      } finally {
        over.removeEventListener('abort', stop);
      }
    } catch (error) {
      await this.#fail(held, error, over);
    }
  }

  async #fail(held: Held, error: unknown, over: AbortSignal): Promise<void> {
    const { say } = this.#options;
    if (over.aborted) {
      held.message.nak();
      const leave = this.#say(held, { type: 'left', reason: 'it was stopped' }, AbortSignal.timeout(1000));
      await leave.catch(() => {});
      return;
    }
    // Its run has gone on without it, or has ended.
    if (error instanceof BlobGone) return held.message.term();
    if (error instanceof Unfit) {
      say(`A shard is left to others: ${error.message}.`);
      await this.#say(held, { type: 'left', reason: error.message }, over);
      held.message.nak();
      // Others take it while this one waits, each time for longer.
      return await sleep(Math.min(LONGEST_PAUSE, PAUSE * 2 ** this.#misfits++), over);
    }
    const met = described(error);
    say(`A shard failed: ${met.message}`);
    await this.#say(held, { type: 'failure', error: met }, over);
    held.message.ack();
  }

  /** Told until the server has stored it. */
  async #say({ task, delivery }: Held, body: WorkerReport['body'], signal: AbortSignal): Promise<void> {
    const { id } = this.#options;
    const worker = { id, host: hostname(), pid: process.pid };
    const report: WorkerReport = { protocol: PROTOCOL, task: task.id, worker, delivery, body };
    const data = encodeMessage(report);
    // The server takes one of several with the same name for a repetition.
    const msgID = `${id}.${++this.#said}`;
    await insist(
      () => this.#link.streams.publish(answerSubject(task.run), data, { msgID }),
      'what a worker says',
      signal,
    );
  }
  #said = 0;

  async #run(store: ObjectStore, { run, setup }: ClusterTask): Promise<HeldRun> {
    const known = this.#runs.get(setup);
    if (known) return known;
    const opening = HeldRun.open(store, run, setup, join(this.#folder, String(++this.#opened)));
    this.#runs.set(setup, opening);
    opening.catch(() => this.#runs.delete(setup));
    const held = await opening;
    const { environment, shards } = held.settings;
    this.#options.say(`Taking part in run ${run}: ${environment}, ${shards} shards a step`);
    for (const [old, forgotten] of [...this.#runs].slice(0, -MOST_RUNS)) {
      this.#runs.delete(old);
      await (await forgotten).forget();
    }
    return held;
  }
}

/** The next task, if one comes soon. The question is over before the task is worked on: it would be asked again meanwhile. */
async function nextOf(consumer: Consumer, over: AbortSignal): Promise<JsMsg | undefined> {
  const messages = await consumer.fetch({ max_messages: 1, expires: WAIT });
  const stop = () => messages.stop();
  over.addEventListener('abort', stop);
  try {
    for await (const message of messages) return message;
    return undefined;
  } finally {
    over.removeEventListener('abort', stop);
  }
}

/** An error as the coordinator gets it: a sentence. */
function described(error: unknown): SerializedError {
  if (error instanceof WorkerGone && error.stuck !== undefined)
    return { name: 'GrpoError', code: 'game_stuck', message: error.stuck, explained: true };
  const { name, code, message, explained } = serializeError(error);
  const short = error instanceof WorkerGone ? `its process ${message}` : message.slice(0, 2000);
  return { name, ...(code !== undefined && { code }), message: short, explained };
}
