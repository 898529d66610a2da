// What a coordinator makes on the NATS server where it is not there yet: two streams, the queue's consumer, the object store.
// Only what servers of 2.9 know.

import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { nanos } from '@nats-io/transport-node';
import { type Link, refused } from './connection.ts';
import { ANSWERS, answerSubject, BUCKET, coordinatorName, TASKS, taskSubject, WORKERS } from './names.ts';

const HOUR = 3_600_000;
/** What is full is waited for: workers send on as answers are heard. */
const STREAM_BYTES = 256 * 1024 * 1024;

/** Stores of the server are asked for what they hold; 404 stands for none. */
const whereThere = <T>(found: Promise<T>): Promise<T | undefined> =>
  found.catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined;
    throw error;
  });

/** @param ackWait milliseconds without a sign after which a task is handed to another worker @throws ClusterError */
export async function prepareServer({ manager, streams, connection }: Link, ackWait: number): Promise<ObjectStore> {
  const { max_payload: largest = 0 } = connection.info ?? {};
  const stream = async (name: string, subject: string, maxAge: number) => {
    if (await whereThere(manager.streams.info(name))) return;
    await manager.streams.add({
      name,
      subjects: [subject],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_bytes: STREAM_BYTES,
      // For what no process comes for any more.
      max_age: nanos(maxAge),
    } satisfies Partial<StreamConfig> & { name: string });
  };
  try {
    if (largest < 1_000_000) throw new Error(`its max_payload is ${largest} bytes, and a million are needed`);
    await stream(TASKS, taskSubject('*'), 24 * HOUR);
    await stream(ANSWERS, answerSubject('*'), HOUR);
    const ack_wait = nanos(ackWait);
    const known = await whereThere(manager.consumers.info(TASKS, WORKERS));
    if (!known) {
      await manager.consumers.add(TASKS, {
        durable_name: WORKERS,
        ack_policy: AckPolicy.Explicit,
        filter_subject: taskSubject('*'),
        max_deliver: -1,
        max_ack_pending: 10_000,
        ack_wait,
      });
    } else if (known.config.ack_wait !== ack_wait) await manager.consumers.update(TASKS, WORKERS, { ack_wait });
    return await new Objm(streams).create(BUCKET, { storage: StorageType.File });
  } catch (error) {
    throw refused(error, 'the streams of a training');
  }
}

/** Removes what an earlier coordinator of the run has left, and hears the answers in its place. @throws ClusterError */
export async function takeOverRun(link: Link, run: string): Promise<void> {
  try {
    await leaveRun(link, run);
    await hearRun(link, run);
  } catch (error) {
    throw refused(error, 'the answers to this run');
  }
}

/** Makes the consumer that hears the answers to one run, where it is not there. */
export async function hearRun({ manager }: Link, run: string): Promise<void> {
  await manager.consumers.add(ANSWERS, {
    durable_name: coordinatorName(run),
    ack_policy: AckPolicy.Explicit,
    filter_subject: answerSubject(run),
    max_deliver: -1,
    inactive_threshold: nanos(HOUR),
  });
}

/** Removes the tasks of a run, and what was said of them. */
export async function leaveRun({ manager }: Link, run: string): Promise<void> {
  await purge(manager, TASKS, taskSubject(run));
  await purge(manager, ANSWERS, answerSubject(run));
  await whereThere(manager.consumers.delete(ANSWERS, coordinatorName(run)));
}

/** Removes the messages of a subject, if there are any. */
export async function purge(manager: JetStreamManager, stream: string, subject: string): Promise<void> {
  const { state } = await manager.streams.info(stream, { subjects_filter: subject });
  if (state.subjects?.[subject]) await manager.streams.purge(stream, { filter: subject });
}
