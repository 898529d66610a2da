// A server on this machine that answers as a test wants: well, badly or not at all.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Behaviour = (response: ServerResponse, received: Received, count: number) => unknown;

export interface BadServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly received: readonly Received[];
}

/** @param behave is told how many requests came before this one */
export async function startBadServer(behave: Behaviour): Promise<BadServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    // A client that goes away is what some tests are about.
    const body = await text(request).catch(() => '');
    received.push({ method: request.method!, url: request.url!, headers: request.headers, body });
    await behave(response, received.at(-1)!, received.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const sendJson = (response: ServerResponse, value: unknown, status = 200, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

export const sendError = (response: ServerResponse, status: number, code: string, headers = {}) =>
  sendJson(response, { error: { code, message: `The server says ${code}.`, details: [] } }, status, headers);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export const HEALTH = {
  status: 'healthy',
  service: 'ludic',
  version: '0.1.0',
  gpu_available: false,
  device: 'cpu',
  uptime_s: 1.5,
  jobs: { queued: 0, running: 1 },
} as const;

export const JOB = {
  job_id: 'j1',
  kind: 'train',
  status: 'running',
  owner: 'default',
  model_name: 'nano',
  output_dir: 'first',
  env_type: 'tic_tac_toe',
  created_at: '2026-01-01T00:00:00Z',
  started_at: '2026-01-01T00:00:01Z',
  ended_at: null,
  heartbeat_at: null,
  attempts: 1,
  step: 2,
  total_steps: 4,
  seconds_left: 10,
  latest: { mean_reward: 0.5 },
  reason: null,
  request: { env_type: 'tic_tac_toe', batch_size: 8, max_steps: 4, history_strategy: 'NO_HISTORY' },
  result: null,
} as const;
