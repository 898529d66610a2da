import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { deeperThan, JSON_LIMITS, jsonBody } from './json-body.ts';

const app = new Hono().post('/', async (context) => {
  const body = await jsonBody(context, { ...JSON_LIMITS, bytes: 1000, ms: 300 });
  // A second read, and one through Hono, give the same.
  const same = body === (await jsonBody(context));
  return context.json({ body, same, again: await context.req.json() });
});
const send = (body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string> = {}) =>
  app.request('/', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  } as RequestInit);
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;

describe('a body of JSON', () => {
  it('is read once, for all readers', async () => {
    const body = { text: 'grüße 😀', list: [1, 2.5, null] };
    const response = await send(JSON.stringify(body), { 'content-type': 'Application/JSON; charset=UTF-8' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ body, same: true, again: body });
  });

  it.each(['text/plain', 'application/json; charset=latin1', 'application/jsonp', 'multipart/form-data', ''])(
    'of another type is refused: %j',
    async (type) => {
      const response = await send('{}', { 'content-type': type });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({ error: { code: 'unsupported_media_type', details: [] } });
    },
  );

  it('that is compressed is refused', async () => {
    expect((await send('{}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it.each([
    ['', 'no valid JSON'],
    ['{"password":"hunter2hunter2"', 'no valid JSON'],
    ['[1]', 'must be a JSON object'],
    ['{"env_config":{"__proto__":{"size":3}}}', '__proto__ is no name of a field'],
    ['null', 'must be a JSON object'],
    ['"text"', 'must be a JSON object'],
    [nested(33), 'deeper than 32'],
    ['['.repeat(900), 'deeper than 32'],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'no valid UTF-8'],
  ])('that is wrong is refused and not repeated: %#', async (body, sentence) => {
    const response = await send(body);
    expect(response.status).toBe(400);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'bad_request', message: expect.stringContaining(sentence) },
    });
    expect(text).not.toContain('hunter2');
  });

  it('may be nested 32 levels deep', async () => {
    expect((await send(nested(32))).status).toBe(200);
  });

  it('that is too large is refused by what it says, and by what it is', async () => {
    const said = await send('{}', { 'content-length': '1001' });
    const streamed = await send(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(100).fill(0x20));
        },
      }),
    );
    for (const response of [said, streamed]) {
      expect(response.status).toBe(413);
      // The rest is read and dropped: a client that is still sending would lose an answer after which the door closes.
      expect(response.headers.get('connection')).not.toBe('close');
      expect(await response.json()).toMatchObject({
        error: { code: 'too_large', message: expect.stringContaining('1000 bytes'), details: [] },
      });
    }
  });

  it('that does not come to an end, or breaks off, is refused', async () => {
    const slow = await send(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([0x7b])) }));
    expect(slow.status).toBe(408);
    expect(await slow.json()).toMatchObject({ error: { message: expect.stringContaining('longer than 0.3 s') } });
    const broken = await send(new ReadableStream({ start: (controller) => controller.error(new Error('reset')) }));
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ error: { message: 'The body broke off.' } });
  });

  it('is as deep as its value', () => {
    const depthOf = (value: unknown): number =>
      typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf));
    fc.assert(
      fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), (text) => {
        const depth = depthOf(JSON.parse(text));
        expect(deeperThan(text, depth)).toBe(false);
        if (depth > 0) expect(deeperThan(text, depth - 1)).toBe(true);
      }),
    );
  });
});
