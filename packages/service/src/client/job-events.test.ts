import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { collect, JOB, sendError, sendJson, startBadServer } from '../../testing/bad-server.ts';
import { LudicClient } from './client.ts';

const ended = { ...JOB, status: 'completed', ended_at: '2026-01-01T00:01:00Z', step: 4 };
const event = (id: number, type: string, data: unknown) =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const ALL = [
  event(1, 'job', JOB),
  event(2, 'step', { step: 3, reward: 0.1 }),
  event(3, 'warning', { message: 'Careful.' }),
  event(4, 'evaluation', { step: 4 }),
  event(5, 'step', { step: 4, reward: 0.2 }),
  event(6, 'job', ended),
];
const open = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });

function clientOf(baseUrl: string) {
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds);
  return { client: new LudicClient({ baseUrl, sleep }), pauses };
}

const idsOf = async (events: AsyncIterable<{ readonly id: string }>) => (await collect(events)).map(({ id }) => id);

describe('the events of a job', () => {
  it('come once each and in order over connections that are cut anywhere', async () => {
    const text = ALL.join('');
    await using server = await startBadServer((response, { headers }, count) => {
      const after = Number(headers['last-event-id'] ?? 0);
      const rest = ALL.slice(after).join('');
      open(response);
      // Longer each time, so that each connection ends at another place of another event.
      if (count < 12) response.write(rest.slice(0, 30 + 37 * count), () => response.destroy());
      else response.end(rest);
    });
    const { client } = clientOf(server.baseUrl);
    const events = await collect(client.jobEvents('j1'));
    expect(events.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(events[2]).toEqual({ type: 'warning', data: { message: 'Careful.' }, id: '3' });
    expect(server.received.length).toBeGreaterThan(2);
    expect(text.length).toBeGreaterThan(400);
  });

  it('go on after the one that is known', async () => {
    await using server = await startBadServer((response, { headers }) =>
      open(response).end(ALL.slice(Number(headers['last-event-id'])).join('')),
    );
    expect(await idsOf(clientOf(server.baseUrl).client.jobEvents('j1', { lastEventId: '4' }))).toEqual(['5', '6']);
  });

  it('do not end with a stream that ends before the job, nor with an end that was followed by a resumption', async () => {
    let asked = 0;
    await using server = await startBadServer((response, { url, headers }) => {
      if (url === '/jobs/j1') return sendJson(response, JOB);
      asked++;
      if (asked === 1) return open(response).end('retry: 40\n\n: nothing yet\n\n');
      if (asked === 2) return open(response).end(event(1, 'job', { ...JOB, status: 'failed' }) + event(2, 'job', JOB));
      expect(headers['last-event-id']).toBe('2');
      return open(response).end(event(3, 'job', ended));
    });
    const { client, pauses } = clientOf(server.baseUrl);
    expect(await idsOf(client.jobEvents('j1'))).toEqual(['1', '2', '3']);
    expect(pauses[0]).toBeLessThanOrEqual(40);
  });

  it('are none where the job had ended before the last known one', async () => {
    await using server = await startBadServer((response, { url }) =>
      url === '/jobs/j1' ? sendJson(response, ended) : open(response).end(),
    );
    expect(await idsOf(clientOf(server.baseUrl).client.jobEvents('j1', { lastEventId: '6' }))).toEqual([]);
  });

  it('wait through silence with heartbeats, however often the connection is cut', async () => {
    await using server = await startBadServer((response, _, count) =>
      count < 20 ? open(response).write(': beat\n\n', () => response.destroy()) : open(response).end(ALL.at(-1)),
    );
    expect(await idsOf(clientOf(server.baseUrl).client.jobEvents('j1'))).toEqual(['6']);
    expect(server.received).toHaveLength(21);
  });

  it('come over a new connection when one falls silent', async () => {
    await using server = await startBadServer((response, _, count) =>
      count === 0 ? open(response).write(ALL[0]) : open(response).end(ALL.slice(1).join('')),
    );
    const { client } = clientOf(server.baseUrl);
    expect(await idsOf(client.jobEvents('j1', { restMs: 60 }))).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it.each([401, 404])('are refused with status %i at once', async (status) => {
    await using server = await startBadServer((response) =>
      sendError(response, status, status === 401 ? 'unauthorized' : 'not_found'),
    );
    await expect(idsOf(clientOf(server.baseUrl).client.jobEvents('j1'))).rejects.toMatchObject({ status });
    expect(server.received).toHaveLength(1);
  });

  it('are given up when nothing answers any more', async () => {
    await using server = await startBadServer((response) => response.destroy());
    await expect(idsOf(clientOf(server.baseUrl).client.jobEvents('j1'))).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.received).toHaveLength(4);
  });

  it.each([
    ['a page', (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    ['data that is no JSON', (response: ServerResponse) => open(response).end('event: step\ndata: {\n\n')],
  ])('are no %s', async (_, behave) => {
    await using server = await startBadServer(behave);
    await expect(idsOf(clientOf(server.baseUrl).client.jobEvents('j1'))).rejects.toMatchObject({ code: 'bad_answer' });
  });

  it('of an unknown kind are passed over', async () => {
    await using server = await startBadServer((response) =>
      open(response).end(`event: song\ndata: la la\nid: 1\n\n${ALL.at(-1)}`),
    );
    expect(await idsOf(clientOf(server.baseUrl).client.jobEvents('j1'))).toEqual(['6']);
  });

  it('are left by a reader that has seen enough, and the connection with them', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    await using server = await startBadServer((response) => {
      response.on('close', resolve);
      open(response).write(ALL[0]);
    });
    for await (const { id } of clientOf(server.baseUrl).client.jobEvents('j1')) {
      expect(id).toBe('1');
      break;
    }
    await closed;
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: string[] = [];
    const follow = async () => {
      for await (const { id } of clientOf(server.baseUrl).client.jobEvents('j1', { signal: controller.signal })) {
        seen.push(id);
        controller.abort(reason);
      }
    };
    await expect(follow()).rejects.toBe(reason);
    expect(seen).toEqual(['1']);
  });
});
