// Training and whatever else goes on as a job: starting, looking, following, ending.

import { Readable } from 'node:stream';
import { ENDPOINTS, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Owners } from '../auth/owners.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { openWholeLines } from '../jobs/whole-lines.ts';
import { type Caller, register } from './register.ts';

/** Sent while nothing happens, so that proxies keep an event stream open. */
const HEARTBEAT_MS = 15_000;

/** @param closing ends streams of events; their clients come back with Last-Event-ID */
export function jobRoutes(app: Hono<Caller>, jobs: Jobs, owners: Owners, closing: AbortSignal): void {
  register(app, ENDPOINTS.startTraining, async ({ body, who, context }) => {
    const { job, effective, chosen, message } = await jobs.submitTraining(body, who);
    context.header('Location', `/jobs/${job.job_id}`);
    return context.json({ job_id: job.job_id, status: 'started', message, effective, chosen }, 202);
  });

  register(app, ENDPOINTS.jobs, ({ query, who, context }) =>
    context.json({ jobs: jobs.list({ ...query, ...(!owners.seesAll(who) && { owner: who }) }) }),
  );

  register(app, ENDPOINTS.job, ({ params, context }) => context.json(jobs.get(params.id)));

  register(app, ENDPOINTS.jobMetrics, async ({ params, query, context }) => {
    const pieces = await jobs.metrics(params.id, query.after);
    context.header('Content-Type', 'application/json');
    context.header('Content-Length', String(pieces.reduce((sum, { length }) => sum + length, 0)));
    return context.body(Readable.toWeb(Readable.from(pieces)) as ReadableStream<Uint8Array>);
  });

  register(app, ENDPOINTS.jobLogs, async ({ params, query, context }) =>
    context.text(await jobs.logTail(params.id, query.tail)),
  );

  register(app, ENDPOINTS.jobEpisodes, async ({ params, query, request, context }) => {
    context.header('Content-Type', 'application/x-ndjson');
    const lines = await openWholeLines(jobs.episodesFile(params.id), query);
    if (lines === undefined) return context.body('');
    context.header('Content-Length', String(lines.size));
    if (request.method === 'HEAD' || lines.size === 0) {
      await lines.close();
      return context.body(null);
    }
    return context.body(lines.read());
  });

  register(app, ENDPOINTS.jobEvents, ({ params, request, context }) => {
    const last = request.headers.get('last-event-id') ?? '0';
    if (!/^\d{1,15}$/.test(last))
      throw new ServiceError('bad_request', 'Last-Event-ID must be the number of an event of this job.');
    jobs.get(params.id);
    // Proxies that collect an answer before they pass it on would hold the events back.
    context.header('X-Accel-Buffering', 'no');
    // HEAD has no reader of a stream, so nothing would end it.
    if (request.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
    return streamSSE(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const ending = AbortSignal.any([gone.signal, closing]);
      const beat = setInterval(() => stream.write(': still here\n\n').catch(() => gone.abort()), HEARTBEAT_MS);
      try {
        for await (const { seq, type, data } of jobs.events(params.id, Number(last), ending)) {
          await stream.writeSSE({ id: String(seq), event: type, data: JSON.stringify(data) });
        }
      } finally {
        clearInterval(beat);
      }
    });
  });

  register(app, ENDPOINTS.cancelJob, async ({ params, context }) => context.json(await jobs.cancel(params.id)));

  register(app, ENDPOINTS.resumeJob, async ({ params, context }) => context.json(await jobs.resume(params.id), 202));
}
