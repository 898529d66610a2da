// Rollouts of agents that are programs of their own: handed out to the owner of the job; what has the key of one goes on to
// the process of the training.

import { rolloutFinish, rolloutNoted, rolloutReward } from '@ludic/agents';
import { chatRequest } from '@ludic/chat';
import { ENDPOINTS, type Endpoint, ServiceError } from '@ludic/service';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import type { Jobs } from '../jobs/jobs.ts';
import { type Caller, honoPath, register } from './register.ts';

/** Bytes of a request. */
const LONGEST = 2 ** 22;
/** What of a request the gateway looks at. */
const HEADERS = ['authorization', 'content-type', 'idempotency-key', 'x-stainless-retry-count'];

const rollout = z.object({ id: z.string().max(100), rollout: z.string().max(100) });
const base = { open: true, params: rollout, errors: ['not_found', 'too_large', 'unavailable'] } as const;

/** What the key of a rollout opens. */
export const ROLLOUT_ENDPOINTS: readonly Endpoint[] = [
  {
    ...base,
    method: 'post',
    path: '/jobs/{id}/rollouts/{rollout}/v1/chat/completions',
    summary: 'Ask the policy that is trained, in the format of OpenAI; needs the key of the rollout',
    body: chatRequest,
    answers: { 200: z.record(z.string(), z.unknown()) },
  },
  {
    ...base,
    method: 'get',
    path: '/jobs/{id}/rollouts/{rollout}/v1/models',
    summary: 'The policy as the one model, in the format of OpenAI',
    answers: { 200: z.record(z.string(), z.unknown()) },
  },
  {
    ...base,
    method: 'post',
    path: '/jobs/{id}/rollouts/{rollout}/reward',
    summary: 'Report what a rollout earned; several add up; needs the key of the rollout',
    body: rolloutReward,
    answers: { 200: rolloutNoted },
  },
  {
    ...base,
    method: 'post',
    path: '/jobs/{id}/rollouts/{rollout}/finish',
    summary: 'End a rollout; needs the key of the rollout',
    body: rolloutFinish,
    answers: { 200: rolloutNoted },
  },
];

/** @param baseUrl where agents reach this server; never what a request says of it */
export function rolloutRoutes(app: Hono<Caller>, jobs: Jobs, baseUrl: () => string): void {
  register(app, ENDPOINTS.nextRollout, async ({ params, body, signal, context }) => {
    const next = await jobs.nextRollout(params.id, 1000 * body.wait_seconds, signal);
    const base_url = next && `${baseUrl()}/jobs/${params.id}/rollouts/${next.rollout_id}/v1`;
    return context.json({ rollout: next ? { ...next, base_url } : null });
  });

  const tooLarge = () => {
    throw new ServiceError('too_large', `A request of a rollout has at most ${LONGEST} bytes.`);
  };
  for (const { method, path } of ROLLOUT_ENDPOINTS)
    app.on(method.toUpperCase(), honoPath(path), bodyLimit({ maxSize: LONGEST, onError: tooLarge }), (context) =>
      passOn(jobs, context),
    );
}

async function passOn(jobs: Jobs, context: Context<Caller>): Promise<Response> {
  const { req } = context;
  const sent = HEADERS.map((name) => [name, req.header(name)] as const);
  const request = {
    method: req.method === 'HEAD' ? 'GET' : req.method,
    path: req.path.replace(/^\/jobs\/[^/]+/, ''),
    headers: Object.fromEntries(sent.filter((one): one is readonly [string, string] => one[1] !== undefined)),
    body: await req.text(),
  };
  const { status, type, body } = await jobs.askRollout(req.param('id')!, request, req.raw.signal);
  return new Response(req.method === 'HEAD' ? null : body, { status, headers: { 'Content-Type': type } });
}
