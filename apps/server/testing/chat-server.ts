// For tests: the chat route alone behind a real HTTP server.

import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { chatCompletions } from '../src/inference/chat-route.ts';
import type { InferencePool } from '../src/inference/pool.ts';
import { NANO } from './models.ts';

class Refusal extends Error {
  readonly code = 'bad_request';
  readonly details: readonly object[];
  constructor(message: string, details: readonly object[]) {
    super(message);
    this.details = details;
  }
}

const STATUS: Readonly<Record<string, ContentfulStatusCode>> = {
  bad_request: 400,
  not_a_model: 404,
  bad_setting: 422,
  prompt_too_long: 422,
  busy: 429,
  worker_died: 503,
};

export interface ChatServer {
  /** Up to /v1. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startChatServer(pool: Pick<InferencePool, 'chat'>): Promise<ChatServer> {
  const app = new Hono();
  app.post(
    '/v1/chat/completions',
    chatCompletions(pool, {
      resolveModel: async (model) =>
        model === 'nano' ? NANO : { from: 'store', model: { name: model, folder: '/nowhere' } },
      refuse: (message, details) => new Refusal(message, details),
      explain: (error) => ({ message: (error as Error).message }),
    }),
  );
  app.onError((error, context) => {
    const { code = 'fault', message, details = [] } = error as Error & { code?: string; details?: object[] };
    return context.json({ error: { code, message, details } }, STATUS[code] ?? 500);
  });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
