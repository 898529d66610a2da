// The events of a job as one sequence, whatever happens to the connections that bring them.

import { parseObject, retryPauses } from '@ludic/io';
import { isEnd, JOB_EVENTS, type Job, type JobEvent } from '../contract/jobs.ts';
import type { Connection } from './connection.ts';
import { ClientError } from './errors.ts';
import { EventStreamParser } from './event-stream.ts';

/** Where the events of a job are taken up, and when a silent connection is made anew. */
export interface EventsOptions {
  readonly signal?: AbortSignal;
  /** `id` of the last event that is known already. Without it the job's first event comes first. */
  readonly lastEventId?: string;
  /** Milliseconds without any byte after which a connection counts as broken. Default 60 000. */
  readonly restMs?: number;
}

/** `id` is what `lastEventId` takes to go on after it. */
export type NumberedJobEvent = JobEvent & { readonly id: string };

const REST = 60_000;
const isKnown = (type: string): type is JobEvent['type'] => (JOB_EVENTS as readonly string[]).includes(type);

/**
 * Follows a job until it has ended, over as many connections as that takes.
 * @param findJob tells the state of a job whose stream ended without a word of it
 * @throws ServiceError; ClientError when several connections in a row bring nothing; the signal's reason
 */
export async function* followJob(
  connection: Connection,
  path: string,
  id: string,
  findJob: () => Promise<Job>,
  { signal, lastEventId = '', restMs = REST }: EventsOptions,
): AsyncGenerator<NumberedJobEvent, void, void> {
  let last = lastEventId;
  let hasEnded = false;
  let hasHeard = false;
  // The server may ask for another first pause.
  const policy = { ...connection.policy };
  const pause = retryPauses(policy, connection.retryOptions(signal, true));
  for (;;) {
    try {
      const answer = await connection.open({
        method: 'get',
        path,
        params: { id },
        headers: { accept: 'text/event-stream', ...(last !== '' && { 'Last-Event-ID': last }) },
        signal,
      });
      if (!/^text\/event-stream\b/i.test(answer.headers.get('content-type') ?? '')) {
        await answer.discard();
        throw new ClientError('bad_answer', `${answer.url} answers with something other than events.`, {
          status: answer.status,
        });
      }
      const parser = new EventStreamParser();
      for await (const chunk of answer.chunks(restMs)) {
        // A heartbeat is enough: a job may wait long for its turn, and proxies cut what lasts.
        hasHeard = true;
        const events = parser.push(chunk);
        policy.firstPause = parser.retry ?? policy.firstPause;
        for (const { type, data, lastEventId: number } of events) {
          if (number !== '') last = number;
          if (!isKnown(type)) continue;
          const value = parseObject(data);
          if (!value) throw new ClientError('bad_answer', `${answer.url} sends an event whose data is no JSON object.`);
          const event = { type, data: value, id: last } as unknown as NumberedJobEvent;
          if (event.type === 'job') hasEnded = isEnd(event.data.status);
          yield event;
        }
      }
      if (hasEnded || isEnd((await findJob()).status)) return;
      // It broke off politely, as a server does that is stopped.
      throw new ClientError('unreachable', `${answer.url} ended while the job had not.`);
    } catch (error) {
      await pause(error, hasHeard);
      hasHeard = false;
    }
  }
}
