// A folder over HTTP: what is in it, with its headers, and nothing else.

import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pageServer } from './page-server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-static-'));
const BIG = 'export const one = 1;\n'.repeat(100);
let server: Server;
let origin = '';

beforeAll(async () => {
  const site = join(scratch, 'site');
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(scratch, 'secret.txt'), 'secret');
  writeFileSync(join(site, 'index.html'), '<p>page</p>');
  writeFileSync(join(site, 'assets/part-aB3_xY-9.js'), 'export {};');
  writeFileSync(join(site, 'assets/big-aB3_xY-9.js'), BIG);
  writeFileSync(join(site, 'assets/big-aB3_xY-9.js.br'), brotliCompressSync(BIG));
  writeFileSync(join(site, 'assets/big-aB3_xY-9.js.gz'), gzipSync(BIG));
  writeFileSync(
    join(site, '_headers'),
    "/*\n  Content-Security-Policy: default-src 'none'; img-src data:\n  X-Own: yes\n",
  );
  server = await pageServer(site);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(scratch, { recursive: true, force: true });
});

it('serves the page and its parts with the headers of the folder', async () => {
  const page = await fetch(`${origin}/?seed=3`);
  expect(await page.text()).toBe('<p>page</p>');
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toBe("default-src 'none'; img-src data:");
  expect(page.headers.get('x-own')).toBe('yes');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const part = await fetch(`${origin}/assets/part-aB3_xY-9.js`);
  expect(part.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(part.headers.get('cache-control')).toContain('immutable');
  const head = await fetch(`${origin}/index.html`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '11', '']);
});

it('sends the compressed form to clients that take it, under a tag of its own', async () => {
  const path = '/assets/big-aB3_xY-9.js';
  const tags = new Map<string, string>();
  for (const [accepted, encoding] of [
    ['gzip, br', 'br'],
    ['gzip, br;q=0', 'gzip'],
    ['identity', null],
  ] as const) {
    const answer = await fetch(origin + path, { headers: { 'accept-encoding': accepted } });
    expect(answer.headers.get('content-encoding')).toBe(encoding);
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('vary')).toBe('Accept-Encoding');
    expect(answer.headers.get('cache-control')).toContain('immutable');
    expect(answer.headers.get('x-own')).toBe('yes');
    expect(await answer.text()).toBe(BIG);
    const etag = answer.headers.get('etag')!;
    const again = await fetch(origin + path, { headers: { 'accept-encoding': accepted, 'if-none-match': etag } });
    expect(again.status).toBe(304);
    tags.set(etag, accepted);
  }
  expect(tags.size).toBe(3);
});

it('leaves a compressed form alone that is older than the file', async () => {
  const file = join(scratch, 'site/assets/big-aB3_xY-9.js');
  utimesSync(`${file}.br`, 1, 1);
  const answer = await fetch(`${origin}/assets/big-aB3_xY-9.js`, { headers: { 'accept-encoding': 'br' } });
  expect(answer.headers.get('content-encoding')).toBeNull();
  expect(await answer.text()).toBe(BIG);
});

/** The status of a path that is sent as it is. */
const statusOf = (path: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ port, host: '127.0.0.1', path }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });

it.each([
  '/../secret.txt',
  '/%2e%2e/secret.txt',
  '/assets/../../secret.txt',
  '/..%2fsecret.txt',
  '//secret.txt',
  '/assets',
  '/_headers',
  '/%',
])('has nothing at %s', async (path) => {
  expect(await statusOf(path)).toBe(404);
});

it('takes nothing', async () => {
  const answer = await fetch(origin, { method: 'POST', body: 'x' });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('x-own')).toBe('yes');
});
