// For tests: the chat route alone behind a real HTTP server.

import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { chatRequest } from '@ludic/chat';
import { badChatRequest, openaiError, openaiStatus } from '@ludic/service/internal';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { asServiceError } from '../src/failure.ts';
import { answerChat } from '../src/inference/chat-route.ts';
import type { InferencePool } from '../src/inference/pool.ts';
import type { ModelOrigin } from '../src/models/model-source.ts';
import { NANO } from './models.ts';

export interface ChatServer {
  /** Up to /v1. */
  readonly url: string;
  close(): Promise<void>;
}

/** @param others models beside nano */
export async function startChatServer(
  pool: Pick<InferencePool, 'chat'>,
  others: Readonly<Record<string, ModelOrigin>> = {},
): Promise<ChatServer> {
  const app = new Hono();
  app.post('/v1/chat/completions', async (context) => {
    const parsed = chatRequest.safeParse(await context.req.json().catch(() => undefined));
    if (!parsed.success) throw badChatRequest(parsed.error);
    const { model: name } = parsed.data;
    const nowhere = { from: 'store', model: { name, folder: '/nowhere' } } as const;
    const source = name === 'nano' ? NANO : (others[name] ?? nowhere);
    return answerChat(pool, source, parsed.data, context, (error) => ({ message: (error as Error).message }));
  });
  app.onError((error, context) => {
    const known = asServiceError(error, 'test');
    const reason = known.reason ?? (known.code === 'unusable' ? 'model_not_found' : undefined);
    return context.json(openaiError(known, reason), openaiStatus(known.code) as ContentfulStatusCode);
  });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
