import { setTimeout as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collect, HEALTH, JOB, sendError, sendJson, startBadServer } from '../../testing/bad-server.ts';
import { ServiceError } from '../contract/errors.ts';
import { LudicClient } from './client.ts';
import type { ConnectionOptions } from './connection.ts';
import { ClientError } from './errors.ts';

const PASSWORD = 'correct hörse';

/** A client that notes its pauses instead of waiting. */
function clientOf(baseUrl: string, options: Partial<ConnectionOptions> = {}) {
  const pauses: number[] = [];
  const sleep = async (milliseconds: number) => void pauses.push(milliseconds);
  return { client: new LudicClient({ baseUrl, password: PASSWORD, sleep, ...options }), pauses };
}

const TRAINING = { model_name: 'nano', env_type: 'tic_tac_toe', output_dir: 'first' };
const STARTED = { job_id: 'j1', status: 'started', message: 'It runs.', effective: {} };

describe('a client', () => {
  it('sends each request to its address with the password as bytes of UTF-8 in the header', async () => {
    const answers: Record<string, unknown> = {
      '/ludic/health-check': HEALTH,
      '/ludic/jobs?status=running&limit=3': { jobs: [JOB] },
      '/ludic/jobs/j1': JOB,
      '/ludic/jobs/j1/metrics?after=2': { job_id: 'j1', steps: [], evaluations: [] },
      '/ludic/jobs/j1/cancel': JOB,
      '/ludic/models/a%20b': { name: 'a b', deleted: true },
    };
    await using server = await startBadServer((response, { url }) => sendJson(response, answers[url]));
    const { client } = clientOf(`${server.baseUrl}/ludic/`);
    expect(await client.health()).toEqual(HEALTH);
    expect(await client.jobs({ status: 'running', limit: 3 })).toEqual([JOB]);
    expect(await client.job('j1')).toEqual(JOB);
    expect(await client.jobMetrics('j1', { after: 2 })).toMatchObject({ steps: [] });
    expect(await client.cancelJob('j1')).toEqual(JOB);
    expect(await client.deleteModel('a b')).toEqual({ name: 'a b', deleted: true });
    expect(server.received.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'GET', 'POST', 'DELETE']);
    for (const { headers } of server.received)
      expect(Buffer.from(headers.authorization!, 'latin1').toString()).toBe(`Bearer ${PASSWORD}`);
    expect(server.received[4]).toMatchObject({ body: '{}', headers: { 'content-type': 'application/json' } });
  });

  it('leaves defaults to the server and keeps what a later server adds', async () => {
    await using server = await startBadServer((response) => sendJson(response, { ...STARTED, cost: 3 }, 202));
    const { client } = clientOf(server.baseUrl);
    expect(await client.startTraining(TRAINING)).toEqual({ ...STARTED, cost: 3 });
    expect(JSON.parse(server.received[0]!.body)).toEqual(TRAINING);
    expect(server.received[0]!.body).not.toContain(PASSWORD);
  });

  it('tells an evaluation from a job', async () => {
    await using server = await startBadServer((response) =>
      sendJson(response, { job_id: 'j1', status: 'started', message: 'It runs.' }, 202),
    );
    const { client } = clientOf(server.baseUrl);
    const request = { model_path: 'nano', env_type: 'key_door' };
    expect(await client.startEvaluation(request)).toMatchObject({ job_id: 'j1' });
    const asked = { ...request, sampling_params: { temperature: 0 }, async: true };
    expect(JSON.parse(server.received[0]!.body)).toEqual(asked);
    await expect(client.evaluatePolicy(request)).rejects.toMatchObject({ code: 'bad_answer' });
  });

  it('passes on what the server has against a request', async () => {
    const error = {
      code: 'bad_request',
      message: `The request cannot be used with ${PASSWORD}.`,
      details: [{ field: 'env_size', message: 'Too small.' }, 'odd'],
    };
    await using server = await startBadServer((response) => sendJson(response, { error }, 400));
    const { client } = clientOf(server.baseUrl);
    const failure = await client.startTraining(TRAINING).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(ServiceError);
    expect(failure).toMatchObject({
      code: 'bad_request',
      status: 400,
      message: 'The request cannot be used with •••.',
      details: [{ field: 'env_size', message: 'Too small.' }],
    });
    expect(server.received).toHaveLength(1);
  });

  it('reads a code of a later server by its status', async () => {
    await using server = await startBadServer((response) => sendError(response, 409, 'busy_elsewhere'));
    await expect(clientOf(server.baseUrl).client.cancelJob('j1')).rejects.toMatchObject({
      name: 'ServiceError',
      code: 'conflict',
      message: 'The server says busy_elsewhere.',
    });
  });

  it.each([
    ['a page', (end: (text: string) => void) => end('<html>500</html>'), 500, /status 500 and without a reason/],
    ['a page of success', (end: (text: string) => void) => end('<html>'), 200, /other than JSON/],
    ['JSON of another kind', (end: (text: string) => void) => end('{"status":"ok"}'), 200, /another shape.*status/],
    ['half a number', (end: (text: string) => void) => end('{"uptime_s": 1'), 200, /other than JSON/],
    ['a bare null', (end: (text: string) => void) => end('null'), 404, /status 404 and without a reason/],
  ])('says that %s is no answer of Ludic', async (_, body, status, sentence) => {
    await using server = await startBadServer((response) => {
      response.writeHead(status, { 'content-type': 'text/html' });
      body((text) => response.end(text));
    });
    const failure = await clientOf(server.baseUrl)
      .client.health()
      .catch((reason: Error) => reason);
    expect(failure).toMatchObject({ name: 'ClientError', code: 'bad_answer', status });
    expect((failure as Error).message).toMatch(sentence);
    expect((failure as Error).message).toContain(`${server.baseUrl}/health-check`);
  });
});

describe('retrying', () => {
  it('asks again what changes nothing, with growing pauses, and gives up in the end', async () => {
    await using server = await startBadServer((response, _, count) =>
      count < 2
        ? response.destroy()
        : count === 2
          ? sendError(response, 503, 'unavailable')
          : sendJson(response, HEALTH),
    );
    const { client, pauses } = clientOf(server.baseUrl);
    expect(await client.health()).toEqual(HEALTH);
    expect(pauses).toHaveLength(3);
    for (const [i, wait] of pauses.entries()) {
      expect(wait).toBeGreaterThanOrEqual(250 * 2 ** i);
      expect(wait).toBeLessThanOrEqual(500 * 2 ** i);
    }
    const impatient = clientOf(server.baseUrl, { retries: 0 });
    await using dead = await startBadServer((response) => response.destroy());
    await expect(clientOf(dead.baseUrl).client.health()).rejects.toMatchObject({ code: 'unreachable' });
    expect(dead.received).toHaveLength(4);
    expect(await impatient.client.health()).toEqual(HEALTH);
  });

  it('never sends twice what begins something, unless the server says that it has not', async () => {
    await using broken = await startBadServer((response) => response.destroy());
    await expect(clientOf(broken.baseUrl).client.startTraining(TRAINING)).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(broken.received).toHaveLength(1);
    await using failing = await startBadServer((response) => sendError(response, 503, 'unavailable'));
    await expect(clientOf(failing.baseUrl).client.deleteModel('a')).rejects.toMatchObject({ code: 'unavailable' });
    expect(failing.received).toHaveLength(1);
    await using busy = await startBadServer((response, _, count) =>
      count === 0
        ? sendError(response, 429, 'too_many_requests', { 'retry-after': '7' })
        : sendJson(response, STARTED, 202),
    );
    const { client, pauses } = clientOf(busy.baseUrl);
    expect(await client.startTraining(TRAINING)).toEqual(STARTED);
    expect(busy.received.map(({ body }) => JSON.parse(body))).toEqual([TRAINING, TRAINING]);
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(7000);
    expect(pauses[0]).toBeLessThan(7500);
  });

  it('has an end: a long Retry-After is told, not waited for', async () => {
    await using server = await startBadServer((response) =>
      sendError(response, 429, 'too_many_requests', { 'retry-after': '3600' }),
    );
    const { client, pauses } = clientOf(server.baseUrl);
    await expect(client.models()).rejects.toMatchObject({ code: 'too_many_requests', retryAfter: 3600 });
    expect(pauses).toEqual([]);
  });

  it('does not ask again what a wrong password was refused for', async () => {
    await using server = await startBadServer((response) => sendError(response, 401, 'unauthorized'));
    await expect(clientOf(server.baseUrl).client.models()).rejects.toMatchObject({ code: 'unauthorized' });
    expect(server.received).toHaveLength(1);
  });
});

describe('a time limit', () => {
  it.each([
    ['no head', () => {}],
    ['no end of the body', (response: import('node:http').ServerResponse) => response.writeHead(200).write('{')],
  ])('ends what has %s', async (_, behave) => {
    await using server = await startBadServer(behave);
    const { client } = clientOf(server.baseUrl, { timeoutMs: 80, retries: 1 });
    await expect(client.health()).rejects.toMatchObject({
      code: 'timed_out',
      message: `${server.baseUrl}/health-check did not answer within 0.08 s.`,
    });
    expect(server.received).toHaveLength(2);
  });

  it('may be longer than timers can be', async () => {
    await using server = await startBadServer(async (response) => {
      await later(50);
      sendJson(response, HEALTH);
    });
    expect(await clientOf(server.baseUrl, { timeoutMs: 1e12, retries: 0 }).client.health()).toEqual(HEALTH);
  });

  it('takes a body that drips in time', async () => {
    await using server = await startBadServer(async (response) => {
      response.writeHead(200);
      for (const letter of JSON.stringify(HEALTH)) {
        response.write(letter);
        await later(1);
      }
      response.end();
    });
    expect(await clientOf(server.baseUrl).client.health()).toEqual(HEALTH);
  });

  it('is not the only way to stop: a signal ends request and pause with its own reason', async () => {
    await using silent = await startBadServer(() => {});
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = clientOf(silent.baseUrl).client.health({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await using broken = await startBadServer((response) => response.destroy());
    const patient = new LudicClient({ baseUrl: broken.baseUrl, retries: 1000 });
    const second = new AbortController();
    const pausing = patient.health({ signal: second.signal });
    while (broken.received.length === 0) await later(5);
    second.abort(reason);
    await expect(pausing).rejects.toBe(reason);
  });
});

describe('a server that is not there', () => {
  it('is named, and the password is not', async () => {
    let baseUrl: string;
    {
      await using server = await startBadServer(() => {});
      baseUrl = server.baseUrl;
    }
    const failure = await clientOf(baseUrl)
      .client.models()
      .catch((reason: Error) => reason);
    expect(failure).toBeInstanceOf(ClientError);
    expect(failure).toMatchObject({ code: 'unreachable' });
    expect((failure as Error).message).toMatch(/127\.0\.0\.1:\d+\/models .*ECONNREFUSED/);
    expect((failure as Error).message).not.toContain(PASSWORD);
  });
});

describe('a password', () => {
  it('does not follow a redirection to another server', async () => {
    await using other = await startBadServer((response) => sendJson(response, HEALTH));
    await using server = await startBadServer((response) =>
      response.writeHead(307, { location: `${other.baseUrl}/health-check` }).end(),
    );
    expect(await clientOf(server.baseUrl).client.health()).toEqual(HEALTH);
    expect(server.received[0]!.headers.authorization).toBeDefined();
    expect(other.received).toHaveLength(1);
    expect(other.received[0]!.headers.authorization).toBeUndefined();
  });
});

describe('a chat', () => {
  const piece = (content: string, finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
  const REQUEST = { model: 'nano', messages: [{ role: 'user', content: 'Hi' }] } as const;

  it('comes in pieces and knows its end', async () => {
    await using server = await startBadServer((response) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(`${piece('He')}${piece('y', 'stop')}data: [DONE]\n\n`),
    );
    const deltas = await collect(clientOf(server.baseUrl).client.chat(REQUEST));
    expect(deltas).toEqual([
      { text: 'He', finish: undefined },
      { text: 'y', finish: 'stop' },
    ]);
    expect(JSON.parse(server.received[0]!.body)).toEqual({ ...REQUEST, stream: true });
  });

  it('that breaks off is no reply', async () => {
    await using server = await startBadServer((response) => response.writeHead(200).end(piece('He')));
    await expect(collect(clientOf(server.baseUrl).client.chat(REQUEST))).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
