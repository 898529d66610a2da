// A folder over HTTP: what is in it, with its headers, and nothing else.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serveFolder } from './static-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-static-'));
let server: Server;
let origin = '';

beforeAll(async () => {
  const site = join(scratch, 'site');
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(scratch, 'secret.txt'), 'secret');
  writeFileSync(join(site, 'index.html'), '<p>page</p>');
  writeFileSync(join(site, 'assets/part-aB3_xY-9.js'), 'export {};');
  writeFileSync(
    join(site, '_headers'),
    "/*\n  Content-Security-Policy: default-src 'none'; img-src data:\n  X-Own: yes\n",
  );
  server = await serveFolder(site);
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
