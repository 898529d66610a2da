// The coordinator's side of the queue: posts tasks, hears what workers say of them, posts again what failed or was lost. A task
// stays open until it has an answer, whatever happens to workers and to the server meanwhile.

import type { RunEvent } from '@ludic/grpo/node';
import { sleep } from '@ludic/io';
import { JetStreamApiError, type JsMsg } from '@nats-io/jetstream';
import { decodeMessage } from './codec.ts';
import { insist, type Link } from './connection.ts';
import { reportSchema, type WorkerReport } from './messages.ts';
import { ANSWERS, coordinatorName, TASKS, taskSubject } from './names.ts';
import type { OpenTask, TaskAnswer } from './open-task.ts';

/** Milliseconds. */
const PAUSE = 250;
const FETCH = 5000;
/** Looks at the queue during which no worker has come, until that is said. */
const PATIENCE = 3;

export interface PostedTask<Answer> {
  /** Unlike all others of the run. */
  readonly id: string;
  readonly task: OpenTask;
  /** As it lies in the queue. */
  readonly message: Uint8Array;
  /** Throws where the answer of a worker is none. */
  readonly read: (answer: TaskAnswer) => Answer;
}

interface Waiting extends PostedTask<unknown> {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** How often it was posted. */
  posts: number;
}

export interface TaskBoardOptions {
  readonly link: Link;
  readonly run: string;
  /** Milliseconds without a sign after which the server hands a task to another worker. */
  readonly ackWait: number;
  /** Makes anew what a server has lost: streams, models, weights. */
  readonly restore: () => Promise<void>;
  readonly onEvent?: ((event: RunEvent) => unknown) | undefined;
}

export class TaskBoard {
  readonly #options: TaskBoardOptions;
  readonly #open = new Map<string, Waiting>();
  /** Workers that have been heard of. */
  readonly #workers = new Set<string>();
  readonly #over = new AbortController();
  readonly #work: Promise<unknown>;
  #idleLooks = 0;
  #missingLooks = 0;

  constructor(options: TaskBoardOptions) {
    this.#options = options;
    this.#work = Promise.all([this.#listen(), this.#watch(), this.#tellOfConnection()]);
    // Whatever waits hears of it; what is posted later fails by itself.
    this.#work.catch((error) => {
      for (const { reject } of this.#open.values()) reject(error);
    });
  }

  /** Posts a task and waits for its answer. @throws GrpoError `worker_failed`, what all workers met; ClusterError; the signal's reason */
  async ask<Answer>(posted: PostedTask<Answer>, signal: AbortSignal): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const waiting: Waiting = { ...posted, resolve, reject, posts: 0 };
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
    this.#open.set(posted.id, waiting);
    try {
      signal.throwIfAborted();
      await Promise.race([promise, this.#post(waiting)]);
      return (await promise) as Answer;
    } finally {
      this.#open.delete(posted.id);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Takes the tasks of the run from the queue. */
  async clear(): Promise<void> {
    await this.#options.link.manager.streams.purge(TASKS, { filter: taskSubject(this.#options.run) }).catch(() => {});
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#work.catch(() => {});
  }

  /** Puts a task into the queue, once the server takes it. */
  async #post(waiting: Waiting): Promise<void> {
    const { link, run } = this.#options;
    // The server takes one of several with the same name for a repetition.
    const msgID = `${run}.${waiting.id}.${++waiting.posts}`;
    const publish = async () => {
      if (this.#open.has(waiting.id)) await link.streams.publish(taskSubject(run), waiting.message, { msgID });
    };
    await insist(publish, 'the tasks of a run', this.#over.signal);
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, this.#over.signal).catch(() => {});
  }

  async #listen(): Promise<void> {
    const { link, run } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        const consumer = await link.streams.consumers.get(ANSWERS, coordinatorName(run));
        while (!signal.aborted) {
          const messages = await consumer.fetch({ max_messages: 64, expires: FETCH });
          const stop = () => messages.stop();
          signal.addEventListener('abort', stop);
          for await (const message of messages) {
            this.#hear(message);
            message.ack();
          }
          signal.removeEventListener('abort', stop);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isLost(error)) await this.#restore();
        await this.#pause(PAUSE);
      }
    }
  }

  #hear({ data }: JsMsg): void {
    let report: WorkerReport;
    try {
      report = reportSchema.parse(decodeMessage(data));
    } catch {
      this.#notice('A message that is none of a worker of this version was refused.');
      return;
    }
    const waiting = this.#open.get(report.task);
    // Late, or a second time.
    if (!waiting) return;
    this.#idleLooks = 0;
    const { worker } = report;
    if (!this.#workers.has(worker.id)) {
      this.#workers.add(worker.id);
      this.#options.onEvent?.({ type: 'worker_started', pid: worker.pid, host: worker.host });
    }
    const heard = waiting.task.hear(report);
    switch (heard.type) {
      case 'nothing':
        return;
      case 'answered':
        try {
          waiting.resolve(waiting.read(heard.answer));
        } catch (error) {
          const reason = `gave an answer that is none: ${(error as Error).message}`;
          waiting.task.fail(worker, reason);
          this.#again(waiting, worker, reason);
        }
        return;
      case 'failed':
        this.#again(waiting, worker, `failed: ${heard.reason}`);
        return;
      case 'lost':
        // The queue has handed it on already.
        this.#tellLost(heard.worker, heard.reason);
        if (waiting.task.end) waiting.reject(waiting.task.end);
        return;
      case 'left':
        this.#notice(`A worker on ${worker.host} (process ${worker.pid}) leaves a shard to others: ${heard.reason}`);
        return;
      case 'refused':
        this.#notice(`A part of an answer from ${worker.host} was refused: ${heard.reason}.`);
        return;
      default:
        heard satisfies never;
    }
  }

  #again(waiting: Waiting, worker: WorkerReport['worker'], reason: string): void {
    this.#tellLost(worker, reason);
    const { end } = waiting.task;
    if (end) waiting.reject(end);
    else this.#post(waiting).catch(waiting.reject);
  }

  #tellLost({ pid, host }: WorkerReport['worker'], reason: string): void {
    this.#options.onEvent?.({ type: 'worker_lost', pid, host, reason });
  }

  #notice(message: string): void {
    this.#options.onEvent?.({ type: 'worker_notice', message });
  }

  /** Looks at the queue from time to time: says where workers are missing, and posts again what the server has lost. */
  async #watch(): Promise<void> {
    const { link, run, ackWait } = this.#options;
    while (!this.#over.signal.aborted) {
      await this.#pause(ackWait / 2);
      if (this.#open.size === 0) {
        this.#idleLooks = 0;
        this.#missingLooks = 0;
        continue;
      }
      const isIdle = [...this.#open.values()].every(({ task }) => !task.isTaken);
      if (isIdle && ++this.#idleLooks === PATIENCE)
        this.#notice(
          'No worker takes the shards of this run. Start one where the NATS server can be reached: ludic worker --nats URL',
        );
      try {
        const { state } = await link.manager.streams.info(TASKS, { subjects_filter: taskSubject(run) });
        const queued = state.subjects?.[taskSubject(run)] ?? 0;
        this.#missingLooks = queued < this.#open.size ? this.#missingLooks + 1 : 0;
        // An answer may be on its way when a task has left the queue, but not for so long.
        if (this.#missingLooks >= PATIENCE) await this.#restore();
      } catch (error) {
        if (isLost(error)) await this.#restore();
      }
    }
  }

  async #restore(): Promise<void> {
    this.#missingLooks = 0;
    try {
      await this.#options.restore();
    } catch {
      return; // The next look tries again.
    }
    for (const waiting of this.#open.values()) this.#post(waiting).catch(waiting.reject);
  }

  async #tellOfConnection(): Promise<void> {
    const statuses = this.#options.link.connection.status();
    const { signal } = this.#over;
    signal.addEventListener('abort', () => (statuses as { stop?: () => void }).stop?.());
    for await (const { type } of statuses) {
      if (signal.aborted) return;
      if (type === 'disconnect') this.#notice('The NATS server is away; the run waits for it.');
      if (type === 'reconnect') this.#notice('The NATS server is back.');
    }
  }
}

/** A stream or a consumer is not there any more. */
const isLost = (error: unknown): boolean =>
  (error instanceof JetStreamApiError && error.status === 404) || /not ?found/i.test((error as Error).name);
