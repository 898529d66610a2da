// Training and whatever else goes on as a job: starting, looking, following, ending.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ENDPOINTS, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Jobs } from '../jobs/index.ts';
import { type Caller, register } from './register.ts';

/** Sent while nothing happens, so that proxies keep an event stream open. */
const HEARTBEAT_MS = 15_000;

export function jobRoutes(app: Hono<Caller>, jobs: Jobs): void {
  register(app, ENDPOINTS.startTraining, async ({ body, who, context }) => {
    const { job, effective, message } = await jobs.submitTraining(body, who);
    context.header('Location', `/jobs/${job.job_id}`);
    return context.json({ job_id: job.job_id, status: 'started', message, effective }, 202);
  });

  register(app, ENDPOINTS.jobs, ({ query, context }) => context.json({ jobs: jobs.list(query) }));

  register(app, ENDPOINTS.job, ({ params, context }) => context.json(jobs.get(params.id)));

  register(app, ENDPOINTS.jobMetrics, async ({ params, query, context }) =>
    context.json(await jobs.metrics(params.id, query.after)),
  );

  register(app, ENDPOINTS.jobLogs, async ({ params, query, context }) =>
    context.text(await jobs.logTail(params.id, query.tail)),
  );

  register(app, ENDPOINTS.jobEpisodes, async ({ params, context }) => {
    const path = jobs.episodesFile(params.id);
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    // A line that is being written now is left for the next time.
    context.header('Content-Type', 'application/x-ndjson');
    if (size === 0) return context.body('');
    return context.body(Readable.toWeb(createReadStream(path, { end: size - 1 })) as ReadableStream);
  });

  register(app, ENDPOINTS.jobEvents, ({ params, request, context }) => {
    const last = request.headers.get('last-event-id') ?? '0';
    if (!/^\d{1,15}$/.test(last))
      throw new ServiceError('bad_request', 'Last-Event-ID must be the number of an event of this job.');
    jobs.get(params.id);
    // Proxies that collect an answer before they pass it on would hold the events back.
    context.header('X-Accel-Buffering', 'no');
    return streamSSE(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const beat = setInterval(() => stream.write(': still here\n\n').catch(() => gone.abort()), HEARTBEAT_MS);
      try {
        for await (const { seq, type, data } of jobs.events(params.id, Number(last), gone.signal)) {
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
