// The policy against an endpoint on this machine that behaves well, badly, and not at all.

import { setTimeout as sleep } from 'node:timers/promises';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { sleep as timer } from '@ludic/io';
import { stream } from '@ludic/random';
import { afterEach, describe, expect, it } from 'vitest';
import { type Behaviour, type Endpoint, say, sendJson, startEndpoint } from '../../testing/endpoint.ts';
import type { GamePrompt } from '../contract.ts';
import { type EndpointSettings, openaiPolicy } from './index.ts';

const KEY = 'sk-do-not-tell-anyone';
const definition = findEnvironment('tic_tac_toe');
const environment = definition.create(resolveConfig(definition, {}));
const prompts = (count: number): GamePrompt[] =>
  Array.from({ length: count }, (_, i) => ({
    messages: [
      { role: 'system', content: 'Play.' },
      { role: 'user', content: `board ${i}` },
    ],
    episode: {},
    random: stream('endpoint test', i),
    environment,
  }));

const open: Endpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

/** An endpoint, a policy that asks it, and the pauses that the policy made without really waiting. */
async function table(behave: Behaviour, more: Partial<EndpointSettings> = {}) {
  const endpoint = await startEndpoint(behave);
  open.push(endpoint);
  const pauses: number[] = [];
  const policy = openaiPolicy({
    baseUrl: endpoint.baseUrl,
    model: 'some/model',
    apiKey: KEY,
    temperature: 0.7,
    topP: 0.9,
    maxCompletionLength: 16,
    stop: ['</move>'],
    sleep: async (milliseconds) => {
      pauses.push(milliseconds / 1000);
    },
    ...more,
  });
  return { endpoint, policy, pauses };
}

describe('an endpoint that answers', () => {
  it('gets the conversation and the settings, and a key in the header alone', async () => {
    const { endpoint, policy } = await table((_, response) => say(response, '<move>5'));
    await policy.act(prompts(1));
    expect(endpoint.asked).toEqual([
      {
        path: '/v1/chat/completions',
        authorization: `Bearer ${KEY}`,
        body: {
          model: 'some/model',
          messages: prompts(1)[0]!.messages,
          temperature: 0.7,
          top_p: 0.9,
          max_tokens: 16,
          seed: expect.any(Number),
          stop: ['</move>'],
        },
      },
    ]);
    expect(endpoint.asked[0]!.body.seed).toBeLessThan(2 ** 31);
  });

  it('gives replies in the order of the prompts, with the closing tag that it kept and with how they ended', async () => {
    const replies = [
      ['I think <move>5', 'stop'],
      ['<move>5</move>', 'stop'],
      ['<Move>5</Move>', 'stop'],
      ['no tag', 'stop'],
      ['<move>1</move> or <move>2', 'stop'],
      ['<move>5', 'length'],
      [null, 'length'],
      [null, 'content_filter'],
    ] as const;
    const { policy } = await table(async ({ body }, response) => {
      const i = Number(body.messages[1]!.content.split(' ')[1]);
      await sleep(2 * (replies.length - i));
      const [content, reason] = replies[i]!;
      say(response, content, reason);
    });
    expect(await policy.act(prompts(replies.length))).toEqual([
      { text: 'I think <move>5</move>', finish: 'stop' },
      { text: '<move>5</move>', finish: 'stop' },
      { text: '<Move>5</Move>', finish: 'stop' },
      { text: 'no tag', finish: 'stop' },
      { text: '<move>1</move> or <move>2</move>', finish: 'stop' },
      { text: '<move>5', finish: 'length' },
      { text: '', finish: 'length' },
      { text: '', finish: 'stop' },
    ]);
  });

  it('is asked with the same seeds again, another for each reply, however often requests fail', async () => {
    const seeds = async (failing: number) => {
      const { endpoint, policy } = await table(
        (_, response, number) => (number < failing ? sendJson(response, 500, {}) : say(response, '<move>5')),
        { concurrency: 1 },
      );
      const asked = prompts(3);
      await policy.act(asked);
      await policy.act(asked);
      return [...new Set(endpoint.asked.map(({ body }) => body.seed))];
    };
    const calm = await seeds(0);
    expect(calm).toHaveLength(6);
    expect(await seeds(3)).toEqual(calm);
  });

  it('has only so many requests at once', async () => {
    // The first requests are answered once all of them have come.
    const together = (count: number): Behaviour => {
      const allCame = Promise.withResolvers<void>();
      let came = 0;
      return async (_, response) => {
        if (++came === count) allCame.resolve();
        await allCame.promise;
        await sleep(10);
        say(response, '<move>5');
      };
    };
    const few = await table(together(3), { concurrency: 3 });
    expect(await few.policy.act(prompts(20))).toHaveLength(20);
    expect(few.endpoint.mostAtOnce()).toBe(3);
    const usual = await table(together(8));
    await usual.policy.act(prompts(64));
    expect(usual.endpoint.mostAtOnce()).toBe(8);
  });

  it('needs no key, no stop text, and bears a slash at the end of its URL', async () => {
    const endpoint = await startEndpoint((_, response) => say(response, 'hm'));
    open.push(endpoint);
    const settings = { model: 'm', temperature: 0, topP: 1, maxCompletionLength: 4, stop: [] };
    await openaiPolicy({ ...settings, baseUrl: `${endpoint.baseUrl}/` }).act(prompts(1));
    expect(endpoint.asked[0]).toMatchObject({ path: '/v1/chat/completions', authorization: undefined });
    expect(endpoint.asked[0]!.body).not.toHaveProperty('stop');
  });
});

describe('an endpoint that fails for a while', () => {
  const once =
    (fail: Behaviour): Behaviour =>
    (asked, response, number) =>
      number === 0 ? fail(asked, response, number) : say(response, '<move>5');
  const good = [{ text: '<move>5</move>', finish: 'stop' }];

  it.each<[string, Behaviour]>([
    ['says 500', (_, response) => sendJson(response, 500, {})],
    ['cuts the connection', (_, response) => response.destroy()],
    [
      'cuts its answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"choices":');
        setTimeout(() => response.destroy(), 10);
      },
    ],
    ['writes broken JSON', (_, response) => response.end('{"choices":[')],
    ['gives no choices', (_, response) => sendJson(response, 200, { choices: [] })],
    ['gives a choice without a message', (_, response) => sendJson(response, 200, { choices: [{}] })],
    ['gives something else', (_, response) => sendJson(response, 200, null)],
  ])('is asked again when it %s', async (_, fail) => {
    const { endpoint, policy, pauses } = await table(once(fail));
    expect(await policy.act(prompts(1))).toEqual(good);
    expect(endpoint.asked).toHaveLength(2);
    // Half a second, drawn from its upper half.
    expect(pauses[0]).toBeGreaterThanOrEqual(0.25);
    expect(pauses[0]).toBeLessThan(0.5);
  });

  it('is asked again when it lets a request hang', async () => {
    const { endpoint, policy } = await table(
      once(() => {}),
      { timeout: 0.5 },
    );
    expect(await policy.act(prompts(1))).toEqual(good);
    expect(endpoint.asked).toHaveLength(2);
  });

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '7' }, 7],
    ['a date', { date: 'Tue, 29 Feb 2028 23:59:50 GMT', 'retry-after': 'Wed, 01 Mar 2028 00:00:02 GMT' }, 12],
    [
      'a date that has gone by',
      { date: 'Tue, 29 Feb 2028 23:59:50 GMT', 'retry-after': 'Tue, 29 Feb 2028 23:00:00 GMT' },
      0,
    ],
    ['more patience than there is', { 'retry-after': '86400' }, 60],
  ])('is left alone for as long as its Retry-After asks: %s', async (_, headers, seconds) => {
    const { policy, pauses } = await table(once((_, response) => sendJson(response, 429, {}, headers)));
    expect(await policy.act(prompts(1))).toEqual(good);
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(seconds);
    expect(pauses[0]).toBeLessThanOrEqual(seconds + 0.5);
  });

  it('is given twice as long from try to try, up to a limit, the same pauses for the same seed', async () => {
    const broken: Behaviour = (_, response) => sendJson(response, 503, {}, { 'retry-after': 'soon' });
    const pausesOf = async () => {
      const { policy, pauses } = await table(broken, { retries: 9 });
      await expect(policy.act(prompts(1))).rejects.toMatchObject({ code: 'server_failed' });
      return pauses;
    };
    const pauses = await pausesOf();
    const most = [0.5, 1, 2, 4, 8, 16, 30, 30, 30];
    expect(pauses).toHaveLength(most.length);
    for (const [i, seconds] of pauses.entries()) {
      expect(seconds).toBeGreaterThanOrEqual(most[i]! / 2);
      expect(seconds).toBeLessThan(most[i]!);
    }
    expect(await pausesOf()).toEqual(pauses);
  });

  it('is really waited for', async () => {
    const { policy } = await table(
      once((_, response) => sendJson(response, 429, {}, { 'retry-after': '0.2' })),
      { sleep: timer },
    );
    const before = performance.now();
    expect(await policy.act(prompts(1))).toEqual(good);
    expect(performance.now() - before).toBeGreaterThan(190);
  });
});

describe('an endpoint that fails for good', () => {
  const failFor =
    (i: number, status: number): Behaviour =>
    ({ body }, response) =>
      body.messages[1]!.content === `board ${i}`
        ? sendJson(response, status, { error: { message: `the prompt is bad.\nKey: ${KEY}` } })
        : say(response, '<move>5');

  it('fails one game by turning its prompt down', async () => {
    const { endpoint, policy, pauses } = await table(failFor(1, 400));
    const replies = await policy.act(prompts(3));
    expect(replies.map((reply) => reply.finish)).toEqual(['stop', 'failed', 'stop']);
    expect(replies[1]).toEqual({
      finish: 'failed',
      error: `${endpoint.baseUrl}/chat/completions turned a request down (400: the prompt is bad. Key: ***).`,
    });
    expect(pauses).toEqual([]);
  });

  it('fails one game by never answering it, once it has answered another', async () => {
    const { endpoint, policy } = await table(failFor(1, 500), { concurrency: 1, retries: 2 });
    const replies = await policy.act(prompts(3));
    expect(replies.map((reply) => reply.finish)).toEqual(['stop', 'failed', 'stop']);
    expect(endpoint.asked).toHaveLength(5);
  });

  it.each([
    [401, 'unauthorized', /does not accept the API key \(401: no such key \*\*\*\)\.$/],
    [403, 'unauthorized', /does not accept the API key/],
    [404, 'unknown_model', /has no model some\/model, or is no chat-completions endpoint/],
  ])('ends the run with a sentence that hides the key: %i', async (status, code, message) => {
    const { endpoint, policy } = await table((_, response) =>
      sendJson(response, status, { error: { message: `no such key ${KEY}` } }),
    );
    const error = await policy.act(prompts(64)).catch((error: Error) => error);
    expect(error).toMatchObject({ name: 'PolicyError', code, message: expect.stringMatching(message) });
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain(KEY);
    expect(endpoint.asked.length).toBeLessThanOrEqual(8);
  });

  it('ends the run when no prompt gets a reply', async () => {
    const refusing = await table((_, response) => sendJson(response, 422, { detail: 'no seeds here' }));
    await expect(refusing.policy.act(prompts(3))).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringMatching(/422: no seeds here/),
    });
    const silent = await table(() => {}, { timeout: 0.05, retries: 1 });
    await expect(silent.policy.act(prompts(3))).rejects.toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(/no answer within 0.05 s/),
    });
    const broken = await table((_, response) => response.end('oh'), { retries: 0 });
    await expect(broken.policy.act(prompts(3))).rejects.toMatchObject({ code: 'bad_answer' });
  });

  it('ends the run at once when nothing listens, and fails games when it goes away later', async () => {
    const { endpoint, policy, pauses } = await table((_, response) => say(response, '<move>5'), { retries: 2 });
    await policy.act(prompts(1));
    await endpoint.close();
    const [reply] = await policy.act(prompts(1));
    expect(reply).toMatchObject({
      finish: 'failed',
      error: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)/),
    });
    expect(pauses).toHaveLength(2);
    const late = await table(() => {}, { baseUrl: endpoint.baseUrl });
    await expect(late.policy.act(prompts(9))).rejects.toMatchObject({ code: 'unreachable' });
    expect(late.pauses).toEqual([]);
  });
});

describe('stopping', () => {
  it('ends all requests with the reason of the signal', async () => {
    const { endpoint, policy } = await table(() => {});
    const controller = new AbortController();
    const replies = policy.act(prompts(20), { signal: controller.signal });
    await expect.poll(() => endpoint.asked.length).toBe(8);
    controller.abort(new Error('enough'));
    await expect(replies).rejects.toThrow('enough');
    expect(endpoint.asked).toHaveLength(8);
    await expect(policy.act(prompts(1), { signal: controller.signal })).rejects.toThrow('enough');
    expect(endpoint.asked).toHaveLength(8);
  });

  it('ends a pause', async () => {
    const { policy } = await table((_, response) => sendJson(response, 429, {}, { 'retry-after': '50' }), {
      sleep: timer,
    });
    await expect(policy.act(prompts(2), { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
  });

  it('ends with the policy', async () => {
    const { policy } = await table(() => {});
    const replies = policy.act(prompts(2));
    policy.dispose();
    await expect(replies).rejects.toThrow(/abort/);
  });
});

describe('the settings', () => {
  const settings = { baseUrl: 'http://a/v1', model: 'm', temperature: 1, topP: 1, maxCompletionLength: 4, stop: [] };
  it.each<[Partial<EndpointSettings>, RegExp]>([
    [{ baseUrl: 'here' }, /begins with http/],
    [{ baseUrl: 'file:///etc' }, /begins with http/],
    [{ baseUrl: 'http://me:secret@a/v1' }, /no password/],
    [{ baseUrl: 'http://a/v1?key=secret' }, /no password/],
    [{ model: '' }, /model is missing/],
    [{ apiKey: 'secret\n' }, /character/],
    [{ topP: 0 }, /topP 0/],
    [{ temperature: -1 }, /temperature -1/],
    [{ maxCompletionLength: 0.5 }, /maxCompletionLength 0.5/],
    [{ concurrency: 0 }, /concurrency 0/],
    [{ timeout: Number.POSITIVE_INFINITY }, /timeout/],
    [{ retries: -1 }, /retries -1/],
  ])('refuse %o', (wrong, message) => {
    const make = () => openaiPolicy({ ...settings, ...wrong });
    expect(make).toThrow(expect.objectContaining({ code: 'bad_setting', message: expect.stringMatching(message) }));
    expect(make).not.toThrow(/secret/);
  });
});
