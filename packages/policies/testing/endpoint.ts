// For tests: an endpoint of chat completions on this machine that does as it is told.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly seed: number;
  } & Record<string, unknown>;
}

/** @param number which request this is, from 0 */
export type Behaviour = (asked: Asked, response: ServerResponse, number: number) => unknown;

export interface Endpoint {
  readonly baseUrl: string;
  /** All requests so far. */
  readonly asked: readonly Asked[];
  /** The most requests that were ever open at once. */
  readonly mostAtOnce: () => number;
  readonly close: () => Promise<void>;
}

export async function startEndpoint(behave: Behaviour): Promise<Endpoint> {
  const asked: Asked[] = [];
  let open = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    most = Math.max(most, ++open);
    response.on('close', () => open--);
    const body = JSON.parse(await textOf(request));
    const each = { path: request.url!, authorization: request.headers.authorization, body };
    asked.push(each);
    await behave(each, response, asked.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    mostAtOnce: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** Answers with one choice. */
export function say(response: ServerResponse, content: string | null, finish_reason = 'stop'): void {
  sendJson(response, 200, { choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason }] });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
