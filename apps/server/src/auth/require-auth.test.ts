import fc from 'fast-check';
import { Hono } from 'hono';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseTrust } from '../http/address.ts';
import { PasswordAuthenticator } from './password-authenticator.ts';
import type { Passwords } from './passwords.ts';
import { type AccessVariables, requireAuth } from './require-auth.ts';
import { from, onePassword } from './testing.ts';

const RIGHT = 'correct horse grüße';
const SECRET = 'hunter2hunter2';
let passwords: Passwords;
beforeAll(async () => {
  passwords = await onePassword(RIGHT);
});

const open = (trust = parseTrust(undefined)) =>
  new Hono<{ Variables: AccessVariables }>()
    .use(requireAuth(new PasswordAuthenticator(passwords), trust))
    .get('/jobs', (context) => context.text(context.var.who))
    .post('/train', async (context) => context.json(await context.req.json()));
const bearer = (password: string) => ({
  authorization: `Bearer ${Buffer.from(password, 'utf8').toString('latin1')}`,
});
const json = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});

describe('a request', () => {
  it('goes on with its password in the header or the body', async () => {
    const app = open();
    expect(await (await app.request('/jobs', { headers: bearer(RIGHT) })).text()).toBe('password');
    expect(
      (await app.request('/jobs', { headers: { authorization: `bearer   ${bearer(RIGHT).authorization.slice(7)}` } }))
        .status,
    ).toBe(200);
    const response = await app.request('/train', json({ password: RIGHT, steps: 3 }));
    expect(await response.json()).toMatchObject({ steps: 3 });
    expect((await app.request('/train', json({ steps: 3 }, bearer(RIGHT)))).status).toBe(200);
  });

  it.each([
    ['nothing', '/jobs', {}],
    ['another scheme', '/jobs', { headers: { authorization: `Basic ${SECRET}` } }],
    ['an empty token', '/jobs', { headers: { authorization: 'Bearer ' } }],
    ['no password in the body', '/train', json({ steps: 3 })],
    ['an empty password', '/train', json({ password: '' })],
    ['a password that is no text', '/train', json({ password: 12345678 })],
    ['a password inside', '/train', json({ more: { password: RIGHT } })],
    ['a password in the address', `/jobs?password=${encodeURIComponent(RIGHT)}`, {}],
    ['no body', '/train', { method: 'POST' }],
    ['a wrong token, which counts before the body', '/train', json({ password: RIGHT }, bearer(SECRET))],
    ['a wrong password', '/train', json({ password: SECRET })],
  ])('with %s is answered 401', async (_, path, init) => {
    const response = await open().request(path, init);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="ludic", charset="UTF-8"');
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ error: { code: 'unauthorized', message: expect.any(String), details: [] } });
    expect(text).not.toContain(SECRET);
  });

  it.each([
    [400, '{"password":'],
    [400, '[]'],
    [413, ' '.repeat(1_048_577)],
  ])('with a body that cannot be read is answered %i', async (status, body) => {
    const response = await open().request('/train', json(body));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: expect.any(String) } });
  });

  it('with a body that is no JSON is answered 415', async () => {
    const response = await open().request('/train', { method: 'POST', body: 'password=x' });
    expect(response.status).toBe(415);
  });

  it('after too many wrong passwords is answered 429, for its own address alone', async () => {
    const app = open();
    for (let guess = 0; guess < 3; guess++)
      expect((await app.request('/jobs', { headers: bearer(`${SECRET}${guess}`) }, from('2001:db8::1'))).status).toBe(
        401,
      );
    const late = await app.request('/jobs', { headers: bearer(RIGHT) }, from('2001:db8::2:2'));
    expect(late.status).toBe(429);
    expect(late.headers.get('retry-after')).toBe('1');
    expect(await late.json()).toEqual({
      error: { code: 'too_many_requests', message: expect.stringContaining('in 1 s'), details: [] },
    });
    expect((await app.request('/jobs', { headers: bearer(RIGHT) }, from('2001:db8:0:1::1'))).status).toBe(200);
  });

  it('cannot choose its address by a header, unless a trusted proxy writes it', async () => {
    const knock = (app: ReturnType<typeof open>, n: number) =>
      app.request(
        '/jobs',
        { headers: { ...bearer(`${SECRET}${n}`), 'x-forwarded-for': `1.1.1.${n}` } },
        from('9.9.9.9'),
      );
    const direct = open();
    const proxied = open(parseTrust('9.9.9.9'));
    for (let guess = 0; guess < 3; guess++) {
      expect((await knock(direct, guess)).status).toBe(401);
      expect((await knock(proxied, guess)).status).toBe(401);
    }
    expect((await knock(direct, 3)).status).toBe(429);
    expect((await knock(proxied, 3)).status).toBe(401);
  });

  it('of any shape is answered with a documented status, and nothing of it comes back', async () => {
    const app = open();
    let address = 0;
    const type = fc.constantFrom(
      'application/json',
      'application/json',
      'text/plain',
      'application/json;charset=utf-16',
    );
    const mark = fc.constantFrom(
      '',
      `{"password":"${SECRET}","x":`,
      `{"password":"${SECRET}"}`,
      `["${SECRET}"]`,
      SECRET,
    );
    const header = fc.option(
      fc.constantFrom('Bearer', 'bearer ', 'Basic x', `Bearer ${SECRET}`, 'Bearer \xff\xfe', 'Bearer a:b'),
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), mark, type, header, async (bytes, before, contentType, authorization) => {
        const body = Buffer.concat([Buffer.from(before), bytes]);
        const headers = { 'content-type': contentType, ...(authorization !== null && { authorization }) };
        const peer = from(`10.0.${address >> 8}.${address++ & 255}`);
        const response = await app.request('/train', { method: 'POST', headers, body }, peer);
        expect([400, 401, 415]).toContain(response.status);
        const text = await response.text();
        expect(JSON.parse(text)).toEqual({
          error: { code: expect.any(String), message: expect.any(String), details: [] },
        });
        expect(text).not.toContain(SECRET);
      }),
      { numRuns: 200 },
    );
  });
});
