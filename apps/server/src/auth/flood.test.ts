// 200 wrong passwords at once, against a true server.

import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTrust } from '../http/address.ts';
import { type Listening, listen } from '../listen/listen.ts';
import { PasswordAuthenticator } from './password-authenticator.ts';
import { authApp, onePassword } from './testing.ts';

const RIGHT = 'correct horse';
let authenticator: PasswordAuthenticator;
let server: Listening;
let lines: string[] = [];

beforeEach(async () => {
  lines = [];
  const trust = parseTrust(true);
  authenticator = new PasswordAuthenticator(await onePassword(RIGHT));
  const app = authApp(authenticator, trust, (line) => void lines.push(line));
  server = await listen(app.fetch, { port: 0, trust });
});
afterEach(() => server.close(0));

const send = (password: string, address: string) =>
  fetch(`${server.url}/train`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({ password }),
  });

describe('200 wrong passwords at once', () => {
  it.each([
    ['one address', () => '6.6.6.6'],
    ['as many addresses', (n: number) => `6.6.6.${n}`],
  ])('from %s: health answers, a right password is accepted, and what is kept is bounded', async (_, addressOf) => {
    let flooding = true;
    const flood = Promise.all(
      Array.from({ length: 200 }, async (__, n) => {
        const response = await send(`guess ${n}`, addressOf(n));
        await response.arrayBuffer();
        return response;
      }),
    ).finally(() => {
      flooding = false;
    });
    let healthy = 0;
    let mostWaiting = 0;
    const watching = (async () => {
      while (flooding) {
        const response = await fetch(`${server.url}/health-check`);
        expect(await response.json()).toEqual({ status: 'healthy' });
        healthy++;
        mostWaiting = Math.max(mostWaiting, authenticator.load.waiting + authenticator.load.running);
      }
    })();
    await expect.poll(() => authenticator.load.running).toBeGreaterThan(0);
    let right = await send(RIGHT, '7.7.7.7');
    // Amid a flood from everywhere it may be told to come again, once; from one address never.
    if (right.status === 429 && addressOf(0) !== addressOf(1)) {
      await setTimeout(1000 * Number(right.headers.get('retry-after')));
      right = await send(RIGHT, '7.7.7.7');
    }
    expect(await right.text()).toBe('password');
    const responses = await flood;
    await watching;
    expect(healthy).toBeGreaterThan(0);
    expect(mostWaiting).toBeLessThanOrEqual(66);
    const later = responses.filter(({ status }) => status === 429);
    expect(responses.filter(({ status }) => status === 401).length + later.length).toBe(200);
    for (const { headers } of later) expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(authenticator.load).toMatchObject({ running: 0, waiting: 0, remembered: 1 });
    expect(authenticator.load.addresses).toBeLessThanOrEqual(201);
    expect(lines.join('')).not.toMatch(/guess \d|correct horse/);
    // Who was right stays welcome.
    expect((await send(RIGHT, '7.7.7.7')).status).toBe(200);
  });

  it('whose clients go away at once leave nothing behind', async () => {
    const clients = new AbortController();
    const flood = Array.from({ length: 200 }, (_, n) =>
      fetch(`${server.url}/train`, {
        method: 'POST',
        signal: clients.signal,
        headers: { 'x-forwarded-for': `6.6.6.${n}`, authorization: `Bearer guess${n}` },
      }).catch(() => undefined),
    );
    await expect.poll(() => authenticator.load.waiting).toBeGreaterThan(50);
    const { addresses } = authenticator.load;
    clients.abort();
    await Promise.all(flood);
    await expect.poll(() => authenticator.load).toMatchObject({ running: 0, waiting: 0 });
    // Few of those that waited were verified all the same.
    expect(authenticator.load.addresses - addresses).toBeLessThan(30);
    expect((await send(RIGHT, '7.7.7.7')).status).toBe(200);
  });
});
