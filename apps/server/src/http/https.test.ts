import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { from } from '../auth/testing.ts';
import { parseTrust } from './address.ts';
import { requireHttps } from './https.ts';

const PROXY = '10.0.0.1';
const app = (trust: string | boolean | undefined, assumeHttps?: boolean) =>
  new Hono().use(requireHttps(parseTrust(trust), assumeHttps)).all('*', (context) => context.text('in'));
const ask = async (
  trust: string | boolean | undefined,
  headers: Record<string, string>,
  peer: ReturnType<typeof from>,
  path = '/jobs',
) => (await app(trust).request(path, { headers }, peer)).status;
const proto = (value: string) => ({ 'x-forwarded-proto': value });

describe('behind a trusted proxy', () => {
  it('a request must have come by HTTPS at every hop', async () => {
    for (const said of ['https', 'HTTPS', 'https, https']) expect(await ask(true, proto(said), from(PROXY))).toBe(200);
    for (const said of ['http', '', 'https,http', 'http, https', 'httpsx', 'wss'])
      expect(await ask(true, proto(said), from(PROXY))).toBe(400);
    expect(await ask(true, {}, from(PROXY))).toBe(400);
    const refused = await app(true).request('/jobs', {}, from(PROXY));
    expect(await refused.json()).toMatchObject({
      error: { code: 'https_required', message: expect.stringContaining('HTTPS required') },
    });
  });

  it('a request that did not come through it says nothing that counts', async () => {
    expect(await ask(PROXY, proto('https'), from('10.0.0.2'))).toBe(400);
    expect(await ask(PROXY, proto('https'), from(PROXY))).toBe(200);
    expect(await ask(PROXY, {}, from('10.0.0.2', true))).toBe(200);
    expect(await ask(PROXY, proto('http'), from(PROXY, true))).toBe(400);
  });

  it('a probe of health from this machine needs no HTTPS, and nothing else does without', async () => {
    expect(await ask(true, {}, from('127.0.0.1'), '/health-check')).toBe(200);
    expect(await ask(true, {}, from('::1'), '/health-check')).toBe(200);
    expect(await ask(true, {}, from('127.0.0.1'), '/jobs')).toBe(400);
    expect(await ask(true, {}, from('10.0.0.9'), '/health-check')).toBe(400);
    expect(await ask(true, proto('http'), from('127.0.0.1'), '/health-check')).toBe(400);
    expect(await ask(true, { 'x-forwarded-for': '1.2.3.4' }, from('127.0.0.1'), '/health-check')).toBe(400);
    const posted = await app(true).request('/health-check', { method: 'POST' }, from('127.0.0.1'));
    expect(posted.status).toBe(400);
  });
});

describe('behind a proxy that speaks HTTPS alone', () => {
  const assuming = async (trust: string | true, headers: Record<string, string>, peer: string) =>
    (await app(trust, true).request('/jobs', { headers }, from(peer))).status;

  it('its silence counts as HTTPS, what it says counts as it is', async () => {
    expect(await assuming(true, {}, PROXY)).toBe(200);
    expect(await assuming(true, proto('https'), PROXY)).toBe(200);
    for (const said of ['http', '', 'https,http']) expect(await assuming(true, proto(said), PROXY)).toBe(400);
  });

  it('the silence of others counts for nothing', async () => {
    expect(await assuming(PROXY, {}, '10.0.0.2')).toBe(400);
    expect(await assuming(PROXY, {}, PROXY)).toBe(200);
  });
});

describe('without a proxy', () => {
  it('everything passes: the port is on loopback or speaks TLS', async () => {
    expect(await ask(undefined, proto('http'), from('127.0.0.1'))).toBe(200);
    expect(await ask(undefined, {}, from('1.2.3.4', true))).toBe(200);
  });
});
