// The service from outside: a whole server on a free port, real models, real jobs. Every answer is held against the
// contract, and every refusal against what it must not tell.

import { spawn } from 'node:child_process';
import { cp, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ENDPOINTS, type EndpointName, errorAnswer } from '@ludic/service';
import { openaiErrorAnswer } from '@ludic/service/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { copyOfNano, until } from '../testing/models.ts';
import { CANARY, PASSWORD, startService, type TestService } from '../testing/service.ts';
import { ROLLOUT_ENDPOINTS } from './routes/rollouts.ts';

const ORIGIN = 'https://games.example';
const BUSY = 3;
let service: TestService;
beforeAll(async () => {
  service = await startService({ maxConcurrentRequests: BUSY, origins: [ORIGIN] });
}, 60_000);
afterAll(() => service.close(), 60_000);

const GAME = { model_path: 'nano', env_type: 'tic_tac_toe' };
const TRAINING = {
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  batch_size: 4,
  group_size: 2,
  max_steps: 2,
  eval_episodes: 4,
  tensor_parallel_size: 1,
};

/** The body of an answer that is as the contract has it, with nothing beside it. */
async function right(response: Response, endpoint: EndpointName, status = 200) {
  expect(response.status).toBe(status);
  const body: unknown = await response.json();
  const schema = (ENDPOINTS[endpoint].answers as Readonly<Record<number, z.ZodType>>)[status]!;
  expect(schema.parse(body)).toEqual(body);
  return body as Record<string, unknown>;
}

/** A refusal: its shape, and that it tells nothing of this machine. */
async function refused(response: Response, status: number, code: string) {
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status });
  const { error } = errorAnswer.parse(JSON.parse(text));
  expect(error.code).toBe(code);
  for (const secret of [PASSWORD, CANARY, service.folder, tmpdir(), process.cwd(), 'node_modules', '.ts:', '    at '])
    expect(text).not.toContain(secret);
  return error;
}

/** A refusal in OpenAI's words. */
async function told(response: Response, status: number, type: string, code: string, param: string | null) {
  const body: unknown = await response.json();
  expect(openaiErrorAnswer.parse(body)).toEqual(body);
  expect({ status: response.status, body }).toMatchObject({ status, body: { error: { type, code, param } } });
  expect(JSON.stringify(body)).not.toContain(service.folder);
}

const train = (fields: object) => service.post('/start-training', { ...TRAINING, ...fields });
const ended = async (id: string) => {
  await (await service.ask(`/jobs/${id}/events`)).text();
  return right(await service.ask(`/jobs/${id}`), 'job');
};

describe('a day at the service', () => {
  it('tells its health and its description to everybody', async () => {
    const health = await right(await fetch(`${service.url}/health-check`), 'health');
    expect(health).toMatchObject({ status: 'healthy', device: 'cpu', jobs: { queued: 0, running: 0 } });
    const document = await right(await fetch(`${service.url}/openapi.json`), 'openapi');
    expect(Object.keys(document.paths as object)).toContain('/start-training');
  });

  it('trains, tells how it goes, and evaluates what came of it', async () => {
    const started = await train({ output_dir: '/tmp/trained', password: PASSWORD });
    expect(started.headers.get('location')).toMatch(/^\/jobs\/train-/);
    const { job_id: id, effective } = await right(started, 'startTraining', 202);
    expect(effective).toMatchObject({ output_dir: 'tmp-trained', max_steps: 2, group_size: 2 });

    const stream = await (await service.ask(`/jobs/${id}/events`)).text();
    const events = [...stream.matchAll(/^event: (\w+)\ndata: (.+)\nid: (\d+)$/gm)];
    expect(events.map(([, type]) => type)).toEqual(expect.arrayContaining(['job', 'step', 'evaluation']));
    expect(events.map(([, , , seq]) => Number(seq))).toEqual(events.map((_, i) => i + 1));
    expect(JSON.parse(events.at(-1)![2]!)).toMatchObject({ status: 'completed' });
    const after = await service.ask(`/jobs/${id}/events`, { headers: { 'last-event-id': String(events.length - 1) } });
    expect((await after.text()).match(/^id: /gm)).toHaveLength(1);

    const { jobs } = await right(await service.ask('/jobs?status=completed&limit=5'), 'jobs');
    expect(jobs).toMatchObject([{ job_id: id, owner: 'password', output_dir: 'tmp-trained', step: 2 }]);
    expect(JSON.stringify(jobs)).not.toContain(PASSWORD);
    const { steps } = await right(await service.ask(`/jobs/${id}/metrics?after=1`), 'jobMetrics');
    expect(steps).toMatchObject([{ step: 2 }]);
    expect(await (await service.ask(`/jobs/${id}/logs?tail=1`)).text()).toMatch(/The job is completed\.\n$/);
    const episodes = await (await service.ask(`/jobs/${id}/episodes`)).text();
    expect(
      episodes
        .trimEnd()
        .split('\n')
        .map((line) => typeof JSON.parse(line)),
    ).toContain('object');

    const lines = episodes.split('\n').slice(0, -1);
    const some = await (await service.ask(`/jobs/${id}/episodes?first=3&last=2`)).text();
    expect(some.split('\n').slice(0, -1)).toEqual(lines.slice(0, 3).slice(-2));
    await refused(await service.ask(`/jobs/${id}/episodes?last=none`), 400, 'bad_request');
    const evaluation = await service.post('/evaluate-policy', {
      ...GAME,
      model_path: '/tmp/trained',
      eval_episodes: 3,
    });
    const { results, trajectories } = await right(evaluation, 'evaluatePolicy');
    expect(results).toMatchObject({ total_episodes: 3 });
    expect(trajectories).toHaveLength(3);
    // It carries the game that it was trained in.
    const rollout = async (fields: object) => {
      const asked = { model_path: '/tmp/trained', env_type: 'tic_tac_toe', ...fields };
      return right(await service.post('/generate-rollout', asked), 'generateRollout');
    };
    const own = await rollout({});
    expect(own).toMatchObject({ temperature: 1, history_strategy: 'NO_HISTORY', env_config: { max_steps: 10 } });
    expect(own.message).toBeUndefined();
    const other = await rollout({ history_strategy: 'FULL_HISTORY' });
    expect(other.message).toBe('The model was trained with history NO_HISTORY; this is history FULL_HISTORY.');
    const model = await right(await service.ask('/models/tmp-trained'), 'model');
    expect(model).toMatchObject({ kind: 'run', status: 'ready', env_type: 'tic_tac_toe' });
    await refused(await train({ output_dir: 'tmp-trained' }), 409, 'conflict');
    const released = () => service.log.filter((line) => /"store tmp-trained".*process released/.test(line));
    expect(released()).toEqual([]);
    await right(await service.ask('/models/tmp-trained', { method: 'DELETE' }), 'deleteModel');
    // It had answered, and need not be idle for long first.
    expect(released()).toHaveLength(1);
    await refused(await service.ask('/models/tmp-trained'), 404, 'not_found');
  });

  it('compresses what is long, and no stream', async () => {
    const encodingOf = async (path: string, accepted = 'gzip') => {
      const answer = await service.ask(path, { headers: { 'accept-encoding': accepted } });
      await answer.text();
      return answer.headers.get('content-encoding');
    };
    expect(await encodingOf('/openapi.json')).toBe('gzip');
    expect(await encodingOf('/openapi.json', 'identity')).toBeNull();
    expect(await encodingOf('/environments')).toBe('gzip');
    expect(await encodingOf('/docs/swagger-ui-bundle.js')).toBe('gzip');
    expect(await encodingOf('/health-check')).toBeNull();
    expect(await encodingOf('/models/nano/tokenizer.json')).toBeNull();
    const { jobs } = await right(await service.ask('/jobs?limit=1'), 'jobs');
    expect(await encodingOf(`/jobs/${(jobs as { job_id: string }[])[0]!.job_id}/events`)).toBeNull();
  });

  it('goes by the names of this machine alone', async () => {
    const { port } = new URL(service.url);
    const statusAt = (host: string) =>
      new Promise((resolve) =>
        request({ port, path: '/health-check', headers: { host } }, (answer) =>
          resolve(answer.resume().statusCode),
        ).end(),
      );
    expect(await statusAt(`localhost:${port}`)).toBe(200);
    expect(await statusAt(`[::1]:${port}`)).toBe(200);
    expect(await statusAt(`evil.example:${port}`)).toBe(403);
  });

  it('is one endpoint under the name of a function', async () => {
    await using other = await startService({ functionHosts: true, hostNames: ['127.0.0.1', 'me--ludic.modal.run'] });
    const { port } = new URL(other.url);
    const ask = (host: string, method: string, path = '/', body?: object) =>
      new Promise<[status: number | undefined, answer: Record<string, unknown>]>((resolve, reject) => {
        const headers = { host, 'content-type': 'application/json' };
        const sent = request({ port, path, method, headers }, (response) => {
          text(response).then((answer) => resolve([response.statusCode, JSON.parse(answer)]), reject);
        });
        sent.on('error', reject).end(body && JSON.stringify({ password: PASSWORD, ...body }));
      });
    const training = { ...TRAINING, output_dir: 'of-function' };
    expect(await ask('me--ludic-start-training.modal.run', 'POST', '/', training)).toMatchObject([
      202,
      { status: 'started' },
    ]);
    expect(await ask(`ME--ludic-Evaluate-Policy.modal.run.:${port}`, 'POST', '/?a=b', GAME)).toMatchObject([
      200,
      { results: { total_episodes: 10 } },
    ]);
    expect(await ask('me--ludic-generate-rollout.modal.run', 'POST', '', GAME)).toMatchObject([
      200,
      { model_path: 'nano' },
    ]);
    expect(await ask('me--ludic-health-check.modal.run', 'GET')).toMatchObject([200, { status: 'healthy' }]);
    // Other addresses are what they are, and the password is asked for as everywhere.
    expect(await ask('me--ludic-start-training.modal.run', 'GET', '/health-check')).toMatchObject([200, {}]);
    expect(await ask('me--ludic-start-training.modal.run', 'GET')).toMatchObject([
      405,
      { error: { message: 'This address takes POST.' } },
    ]);
    expect(
      await ask('me--ludic-start-training.modal.run', 'POST', '/', { password: 'wrong', ...training }),
    ).toMatchObject([401, {}]);
    // A foreign name does not become one of ours by a function before it.
    expect(await ask('evil-start-training.example', 'POST', '/', training)).toMatchObject([403, {}]);
    expect(await ask('me--ludic.modal.run', 'POST', '/', training)).toMatchObject([404, {}]);
  }, 60_000);

  it('plays a game, the same for the same seed', async () => {
    const play = async (fields: object = { seed: 7 }) =>
      right(await service.post('/generate-rollout', { ...GAME, ...fields }), 'generateRollout');
    const rollout = await play();
    expect((rollout.trajectory as { steps: unknown[] }).steps.length).toBeGreaterThan(0);
    expect(await play()).toEqual(rollout);
    const drawn = [await play({}), await play({})];
    expect(drawn[0]!.seed).not.toBe(drawn[1]!.seed);
    expect(await play({ seed: drawn[0]!.seed })).toEqual(drawn[0]);
  });

  it('evaluates as a job', async () => {
    const asked = await service.post('/evaluate-policy', { ...GAME, eval_episodes: 2, async: true });
    expect(asked.headers.get('location')).toMatch(/^\/jobs\/evaluate-/);
    const { job_id: id } = await right(asked, 'evaluatePolicy', 202);
    expect(await ended(String(id))).toMatchObject({ status: 'completed', result: { results: { total_episodes: 2 } } });
  });

  it('cancels and resumes without a body, and says what cannot be', async () => {
    const first = await right(await train({ output_dir: 'first', max_steps: 1000 }), 'startTraining', 202);
    const second = await right(await train({ output_dir: 'second', max_steps: 1 }), 'startTraining', 202);
    await refused(await train({ output_dir: 'second' }), 409, 'conflict');
    await refused(await service.ask('/models/first', { method: 'DELETE' }), 409, 'conflict');
    await refused(await service.post(`/jobs/${second.job_id}/resume`), 409, 'conflict');
    const cancel = (id: unknown) => service.ask(`/jobs/${id}/cancel`, { method: 'POST' });
    expect(await right(await cancel(second.job_id), 'cancelJob')).toMatchObject({ status: 'cancelled' });
    await refused(await cancel(second.job_id), 409, 'conflict');
    await right(await service.post(`/jobs/${second.job_id}/resume`, { password: PASSWORD }), 'resumeJob', 202);
    await right(await cancel(first.job_id), 'cancelJob');
    expect(await ended(String(first.job_id))).toMatchObject({ status: 'cancelled' });
    expect(await ended(String(second.job_id))).toMatchObject({ status: 'completed' });
  });

  it('lists games and models', async () => {
    const { environments } = await right(await service.ask('/environments'), 'environments');
    expect(environments).toMatchObject([{ env_type: 'key_door' }, { env_type: 'tic_tac_toe' }]);
    const { models } = await right(await service.ask('/models'), 'models');
    expect(models).toContainEqual(expect.objectContaining({ name: 'nano', kind: 'embedded', status: 'ready' }));
  });
});

describe('chat', () => {
  const messages = [{ role: 'user', content: 'Your move.' }];

  it("speaks OpenAI's language to clients that have the password as the key", async () => {
    const { data } = await right(await service.ask('/v1/models'), 'chatModels');
    expect(data).toContainEqual(expect.objectContaining({ id: 'nano', object: 'model' }));
    const answer = await service.post('/v1/chat/completions', { model: 'nano', messages, max_tokens: 4, seed: 1 });
    const { choices } = await right(answer, 'chat');
    const content = (choices as { message: { content: string } }[])[0]!.message.content;
    const fields = { model: 'nano', messages, max_tokens: 4, seed: 1, stream: true };
    const lines = (await (await service.post('/v1/chat/completions', fields)).text()).trim().split('\n\n');
    expect(lines.at(-1)).toBe('data: [DONE]');
    const pieces = lines.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)));
    expect(pieces.map(({ choices: [choice] }) => choice.delta.content ?? '').join('')).toBe(content);
  });

  it('tells one model, by its name, by a path that means it, and not one that is missing', async () => {
    for (const id of ['nano', 'nano?x=1']) {
      const model = await right(await service.ask(`/v1/models/${id}`), 'chatModel');
      expect(model).toMatchObject({ id: 'nano', object: 'model', created: expect.any(Number), owned_by: 'ludic' });
    }
    const started = await right(await train({ output_dir: '/tmp/retrieved' }), 'startTraining', 202);
    await ended(String(started.job_id));
    for (const id of ['tmp-retrieved', 'tmp/retrieved', 'tmp%2Fretrieved', '%2Ftmp%2Fretrieved'])
      expect(await right(await service.ask(`/v1/models/${id}`), 'chatModel')).toMatchObject({ id: 'tmp-retrieved' });
    for (const id of ['missing', 'no-such/model', 'no-such%2Fmodel', '..%2f..%2fsecret.txt'])
      await told(await service.ask(`/v1/models/${id}`), 404, 'not_found_error', 'model_not_found', 'model');
  });

  it("tells in OpenAI's words what is wrong, at the door and behind it", async () => {
    const chat = (fields: object, init: RequestInit = {}) =>
      service.post('/v1/chat/completions', { model: 'nano', messages, ...fields }, init);
    const bad = 'invalid_request_error';
    await told(await chat({ messages: [{ role: 'wizard' }] }), 400, bad, 'invalid_value', 'messages.0.role');
    await told(await chat({ min_p: 0.1 }), 400, bad, 'unsupported_parameter', 'min_p');
    const long = [{ role: 'user', content: 'word '.repeat(50_000) }];
    await told(await chat({ messages: long }), 400, bad, 'context_length_exceeded', 'messages');
    await told(await chat({ model: 'missing' }), 404, 'not_found_error', 'model_not_found', 'model');
    await told(await chat({}, { body: 'no JSON' }), 400, bad, 'invalid_value', null);
    await told(await chat({}, { headers: { 'content-type': 'text/plain' } }), 415, bad, 'unsupported_media_type', null);
    const wrong = { headers: { authorization: 'Bearer wrong' } };
    await told(await chat({}, wrong), 401, 'authentication_error', 'invalid_api_key', null);
    await told(await service.ask('/v1/models', wrong), 401, 'authentication_error', 'invalid_api_key', null);
    await told(await service.ask('/v1/chat/completions'), 405, bad, 'method_not_allowed', null);
    await told(await service.post('/v1/embeddings'), 404, 'not_found_error', 'unknown_url', null);
    // Everywhere else the contract's own words stay.
    await refused(await service.ask('/models/missing'), 404, 'not_found');
  });
});

describe('refusals', () => {
  it('name each bad field, and repeat no value', async () => {
    const response = await service.post('/start-training', {
      password: PASSWORD,
      model_name: 'nano',
      env_type: 'chess',
      output_dir: '../../somewhere-else',
      learning_rate: 'quick-as-can-be',
      batch_size: 1,
      max_stepz: 3,
    });
    const error = await refused(response, 400, 'bad_request');
    expect(error.details.map(({ field }) => field).sort()).toEqual(
      ['batch_size', 'env_type', 'learning_rate', 'max_stepz', 'output_dir'].sort(),
    );
    expect(JSON.stringify(error)).not.toMatch(/somewhere-else|quick-as-can-be/);
    const game = await service.post('/generate-rollout', { ...GAME, env_config: { board: 9 } });
    expect((await refused(game, 400, 'bad_request')).details).toMatchObject([{ field: 'env_config' }]);
    const query = await service.ask('/jobs?limit=many&status=lost');
    expect((await refused(query, 400, 'bad_request')).details.map(({ field }) => field)).toEqual(['status', 'limit']);
    const many = await service.post('/evaluate-policy', { ...GAME, eval_episodes: 2000 });
    expect((await refused(many, 400, 'bad_request')).details).toMatchObject([{ field: 'eval_episodes' }]);
  });

  it('keep out clients with no password or a wrong one, and say how to give one', async () => {
    const guarded = Object.values(ENDPOINTS).filter((endpoint) => !('open' in endpoint));
    for (const { method, path } of guarded) {
      const address = service.url + path.replaceAll(/\{\w+\}/g, 'x');
      const response = await fetch(address, { method: method.toUpperCase() });
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
      if (path.startsWith('/v1/')) await told(response, 401, 'authentication_error', 'invalid_api_key', null);
      else await refused(response, 401, 'unauthorized');
    }
    const wrong = { method: 'GET', headers: { authorization: 'Bearer not the password' } };
    await refused(await fetch(`${service.url}/jobs`, wrong), 401, 'unauthorized');
  });

  it('say that there is nothing, or that an address takes other methods', async () => {
    await refused(await service.ask('/nowhere'), 404, 'not_found');
    await refused(await service.ask('/jobs/train-0'), 404, 'not_found');
    await refused(await service.ask('/models/nobody'), 404, 'not_found');
    await refused(await service.post('/generate-rollout', { ...GAME, model_path: 'no--body' }), 404, 'not_found');
    for (const [method, path, allow] of [
      ['GET', '/start-training', 'POST'],
      ['POST', '/models', 'GET, HEAD'],
      ['PUT', '/models/nano', 'GET, HEAD, DELETE'],
      ['POST', '/docs', 'GET, HEAD'],
      ['PATCH', '/models/nano/config.json', 'GET, HEAD'],
    ] as const) {
      const response = await rawAnswer({ method, path });
      expect([path, response.headers.get('allow')]).toEqual([path, allow]);
      await refused(response, 405, 'method_not_allowed');
    }
    await refused(await service.ask('/models/nano', { method: 'DELETE' }), 403, 'forbidden');
  });

  it('take JSON alone, and not too much of it', async () => {
    const send = (body: string, headers: Record<string, string> = {}) =>
      service.ask('/generate-rollout', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
    await refused(await send('{}', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    await refused(await send('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
    await refused(await send(`{"a": "${'x'.repeat(2_000_000)}"}`), 413, 'too_large');
    await refused(await send('{"a": '), 400, 'bad_request');
    await refused(await send('['.repeat(100)), 400, 'bad_request');
    await refused(await send('[]'), 400, 'bad_request');
  });

  it('meet what is no HTTP, or an address that is none, in the same shape', async () => {
    await refused(await rawAnswer({ method: 'GET', path: '//\\x' }), 400, 'bad_request');
    await refused(await rawAnswer({ method: 'GET', path: '/jobs', headers: { host: 'a b' } }), 400, 'bad_request');
    const large = { method: 'GET', path: '/jobs', headers: { 'x-large': 'x'.repeat(20_000) } };
    await refused(await rawAnswer(large), 400, 'bad_request');
  });

  it('call a model that is damaged unusable, without its place', async () => {
    const { model } = await copyOfNano('copy');
    const place = join(service.folder, 'data', 'models', 'damaged');
    await cp(model.folder, place, { recursive: true });
    await truncate(join(place, 'model.safetensors'), 1000);
    await refused(await service.post('/generate-rollout', { ...GAME, model_path: 'damaged' }), 422, 'unusable');
    await writeFile(join(place, 'config.json'), '{}');
    await refused(await service.post('/generate-rollout', { ...GAME, model_path: 'damaged' }), 422, 'unusable');
  });

  it('turn away more games than may be played at once, and say when to come again', async () => {
    const answers = await Promise.all(
      Array.from({ length: 3 * BUSY }, (_, seed) => service.post('/generate-rollout', { ...GAME, seed })),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(BUSY);
    const turnedAway = answers.filter(({ status }) => status !== 200);
    expect(turnedAway.length).toBeGreaterThan(0);
    for (const answer of turnedAway) {
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      await refused(answer, 429, 'too_many_requests');
    }
  });

  it('say that the process of a model died, each time', async () => {
    const { model } = await copyOfNano('mortal');
    await cp(model.folder, join(service.folder, 'data', 'models', 'mortal'), { recursive: true });
    const killed = new Set<number>();
    const killing = setInterval(() => {
      for (const line of service.log) {
        const { msg, model: name, pid } = JSON.parse(line);
        if (msg !== 'model process started' || name !== 'store mortal' || killed.has(pid)) continue;
        killed.add(pid);
        process.kill(pid, 'SIGKILL');
      }
    }, 5);
    try {
      const answer = await service.post('/evaluate-policy', { ...GAME, model_path: 'mortal', eval_episodes: 500 });
      expect(answer.headers.get('retry-after')).not.toBeNull();
      await refused(answer, 503, 'unavailable');
      expect(killed.size).toBe(2);
    } finally {
      clearInterval(killing);
    }
  });
});

describe('files of a model', () => {
  it('come whole, in part, not at all where the client has them, and as a head', async () => {
    const path = '/models/nano/config.json';
    const whole = await service.ask(path);
    const text = await whole.text();
    expect(JSON.parse(text)).toHaveProperty('model_type');
    const etag = whole.headers.get('etag')!;
    const part = await service.ask(path, { headers: { range: 'bytes=2-5' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      `bytes 2-5/${text.length}`,
      text.slice(2, 6),
    ]);
    expect((await service.ask(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await service.ask(path, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag'), await head.text()]).toEqual([
      200,
      String(text.length),
      etag,
      '',
    ]);
    await refused(await service.ask(path, { headers: { range: 'bytes=9999999-' } }), 416, 'range_not_satisfiable');
  });

  it.each([
    '/models/nano/..%2f..%2fpackage.json',
    '/models/nano/%2e%2e/package.json',
    '/models/..%2f..%2fsecret.txt/x',
    '/models/../../secret.txt',
    '/models/nano/config.json%00',
  ])('are no way out: %s', async (path) => {
    const answer = await rawAnswer({ method: 'GET', path });
    await refused(answer, 404, 'not_found');
  });
});

describe('what pages and probes get', () => {
  it('serves the documentation whole from here', async () => {
    const page = await fetch(`${service.url}/docs`);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(4);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      expect((await fetch(service.url + link)).status).toBe(200);
    }
    await refused(await fetch(`${service.url}/docs/package.json`), 404, 'not_found');
  });

  it('shows every endpoint in a browser', async () => {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
    const profile = `--user-data-dir=${join(service.folder, 'browser')}`;
    const budget = ['--virtual-time-budget=10000', '--dump-dom'];
    const browser = spawn('chromium', [...flags, profile, ...budget, `${service.url}/docs`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const page = Buffer.concat(await browser.stdout.toArray()).toString();
    expect(page.match(/class="opblock /g)).toHaveLength(Object.keys(ENDPOINTS).length + ROLLOUT_ENDPOINTS.length);
  });

  it('tells Prometheus its numbers', async () => {
    const answer = await service.ask('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const lines = (await answer.text()).trimEnd().split('\n');
    const sample = /^[a-zA-Z_:][\w:]*(\{(\w+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|NaN|[+-]Inf)$/;
    for (const line of lines.filter((each) => each !== '' && !each.startsWith('#'))) expect(line).toMatch(sample);
    expect(lines).toContain('ludic_jobs{status="running"} 0');
    expect(lines.some((line) => line.startsWith('ludic_requests_total{method="GET",route="/health-check"'))).toBe(true);
  });

  it('lets pages of one origin in', async () => {
    const from = async (origin: string) =>
      (await fetch(`${service.url}/health-check`, { headers: { origin } })).headers.get('access-control-allow-origin');
    expect(await from(ORIGIN)).toBe(ORIGIN);
    expect(await from('https://elsewhere.example')).toBeNull();
    const preflight = await fetch(`${service.url}/start-training`, {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      'GET,HEAD,POST,DELETE',
    ]);
  });

  it('gives heads of streams without beginning them', async () => {
    const { job_id: id } = await right(
      await service.post('/evaluate-policy', { ...GAME, eval_episodes: 1, async: true }),
      'evaluatePolicy',
      202,
    );
    const head = await service.ask(`/jobs/${id}/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    await ended(String(id));
    expect((await service.ask(`/jobs/${id}/episodes`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('comings and goings', () => {
  it('stops the work of a client that goes away', async () => {
    const gone = new AbortController();
    const asked = service.post(
      '/evaluate-policy',
      { ...GAME, eval_episodes: 50_000, include_trajectories: false },
      { signal: gone.signal },
    );
    const active = async () =>
      /^ludic_inference_requests (\d+)$/m.exec(await (await service.ask('/metrics')).text())![1];
    while ((await active()) !== '1');
    gone.abort();
    await expect(asked).rejects.toThrow();
    while ((await active()) !== '0');
    await until(() => service.log.some((line) => line.includes('"status":499')));
    expect(service.log.filter((line) => line.includes('"fault"'))).toEqual([]);
  });

  it('ends games that take longer than an answer may, says what to do, and is free again', async () => {
    await using other = await startService({ requestTimeout: 3, maxConcurrentRequests: 1 });
    // On a busy machine the model itself may take longer to open.
    while ((await other.post('/generate-rollout', GAME)).status !== 200);
    const { error } = errorAnswer.parse(
      await (
        await other.post('/evaluate-policy', { ...GAME, eval_episodes: 100_000, include_trajectories: false })
      ).json(),
    );
    expect(error.code).toBe('too_long');
    expect(error.message).toMatch(
      /^The games took longer than the 3 s that an answer may take here.*Set async to true/,
    );
    let next = 429;
    while (next === 429) next = (await other.post('/generate-rollout', GAME)).status;
    expect(next).toBe(200);
    expect(other.log.filter((line) => line.includes('"died"') || line.includes('"fault"'))).toEqual([]);
  }, 60_000);

  it('ends streams of events when it closes, and leaves the job for the next start', async () => {
    const other = await startService();
    const { job_id } = (await (
      await other.post('/start-training', { ...TRAINING, output_dir: 'long', max_steps: 1000 })
    ).json()) as { job_id: string };
    const stream = await other.ask(`/jobs/${job_id}/events`);
    const text = stream.text();
    await other.close();
    expect(await text).toContain('event: job');
  });
});

/** An answer to a request whose address is sent as it is written. */
function rawAnswer(options: { method: string; path: string; headers?: Record<string, string> }): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const headers = { authorization: `Bearer ${PASSWORD}`, ...options.headers };
  const sent = request(service.url, { ...options, headers }, async (answer) => {
    const body = Buffer.concat(await answer.toArray());
    resolve(
      new Response(answer.statusCode === 204 ? null : body, {
        status: answer.statusCode!,
        headers: answer.headers as Record<string, string>,
      }),
    );
  });
  sent.on('error', reject);
  sent.end();
  return promise;
}
