// Files as answers: ranges as RFC 9110 has them, what a client has already, and files that change while they are sent.

import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { errorAnswer } from '@ludic/service';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mediaType, parseRange, sendFile } from './send-file.ts';

let folder: string;
let path: string;
const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ludic-send-')));
  path = join(folder, 'model.safetensors');
  await writeFile(path, CONTENT);
});
afterEach(async () => {
  // Whatever was asked, nothing stays open.
  for (let tries = 0; openHere().length > 0 && tries < 200; tries++) await sleep(10);
  expect(openHere()).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

/** Files of the folder that this process has open. */
function openHere(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const place = readlinkSync(`/proc/self/fd/${fd}`);
      return place.startsWith(folder) ? [place] : [];
    } catch {
      return [];
    }
  });
}

const ask = (headers: Record<string, string> = {}, method = 'GET', file = path) =>
  sendFile(file, new Request('http://127.0.0.1/x', { method, headers }));

const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

describe('a range', () => {
  /** RFC 9110, 14.1.2, word by word. */
  function oracle(first: bigint | undefined, last: bigint | undefined, size: bigint) {
    if (first === undefined) {
      if (last === undefined) return undefined;
      if (last === 0n) return 'unsatisfiable';
      if (size === 0n) return undefined;
      return [last >= size ? 0n : size - last, size - 1n];
    }
    if (last !== undefined && last < first) return undefined;
    if (first >= size) return 'unsatisfiable';
    return [first, last === undefined || last >= size ? size - 1n : last];
  }

  it('is read as the RFC has it', () => {
    const place = fc.oneof(fc.bigInt(0n, 30n), fc.bigInt(0n, 2n ** 50n));
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        fc.option(place, { nil: undefined }),
        fc.option(place, { nil: undefined }),
        fc.bigInt(0n, 25n),
        (first, last, size) => {
          const wanted = oracle(first, last, size);
          const found = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, Number(size));
          expect(found).toEqual(Array.isArray(wanted) ? wanted.map(Number) : wanted);
          kinds.add(Array.isArray(wanted) ? 'part' : String(wanted));
        },
      ),
      { numRuns: 3000 },
    );
    expect([...kinds].sort()).toEqual(['part', 'undefined', 'unsatisfiable']);
  });

  it('lies within the file or is none, for whatever text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^ ?[Bb]ytes=[0-9,\- ]{0,40}$/),
      fc.stringMatching(/^[a-z]{1,6}=[0-9]{0,3}-[0-9]{0,3}$/),
    );
    fc.assert(
      fc.property(text, fc.nat(50), (header, size) => {
        const found = parseRange(header, size);
        if (!Array.isArray(found)) return;
        const [first, last] = found;
        expect(0 <= first && first <= last && last < size).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['bytes=0-18446744073709551615', [0, 9]],
    [`bytes=5-${'9'.repeat(400)}`, [5, 9]],
    [`bytes=-${'9'.repeat(400)}`, [0, 9]],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    ['Bytes=1-2', [1, 2]],
    ['bytes=0-0,5-6', undefined],
    ['bytes=1-2;x', undefined],
    ['bytes=+1-2', undefined],
    ['bytes=0x1-2', undefined],
    ['bytes=1.5-2', undefined],
    ['bytes=--1', undefined],
    ['lines=0-1', undefined],
    ['bytes', undefined],
    ['', undefined],
  ])('%j of ten bytes is %j', (header, range) => {
    expect(parseRange(header, 10)).toEqual(range);
  });
});

describe('an answer', () => {
  it('is the whole file, with its length, type and tag', async () => {
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': '1000',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
      etag: expect.stringMatching(/^"[0-9a-z-]+"$/),
    });
    expect((await bodyOf(answer)).equals(CONTENT)).toBe(true);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=990-', 990, 999],
    ['bytes=-5', 995, 999],
    ['bytes=0-99999', 0, 999],
  ])('to %s is a part', async (range, first, last) => {
    const answer = await ask({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/1000`);
    expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
    expect((await bodyOf(answer)).equals(CONTENT.subarray(first, last + 1))).toBe(true);
  });

  it('to a range behind the end says how long the file is', async () => {
    const answer = await ask({ range: 'bytes=1000-' });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */1000');
    expect(errorAnswer.parse(await answer.json()).error).toMatchObject({ code: 'range_not_satisfiable' });
  });

  it('to HEAD is that to GET without its body, and never a part', async () => {
    const [whole, head] = [await ask(), await ask({ range: 'bytes=0-1' }, 'HEAD')];
    await whole.body?.cancel();
    expect(head.status).toBe(200);
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(whole.headers));
    expect(head.body).toBeNull();
    expect((await ask({ range: 'bytes=5000-' }, 'HEAD')).status).toBe(200);
  });

  it('of an empty file is empty', async () => {
    const empty = join(folder, 'empty.json');
    await writeFile(empty, '');
    for (const headers of [{}, { range: 'bytes=-5' }] as Record<string, string>[]) {
      const answer = await ask(headers, 'GET', empty);
      expect([answer.status, answer.headers.get('content-length'), (await bodyOf(answer)).length]).toEqual([
        200,
        '0',
        0,
      ]);
    }
    expect((await ask({ range: 'bytes=0-' }, 'GET', empty)).status).toBe(416);
  });

  it('for a file that has gone, or is a folder, is not found', async () => {
    await expect(ask({}, 'GET', join(folder, 'none'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(ask({}, 'GET', join(path, 'below'))).rejects.toMatchObject({ code: 'not_found' });
    await mkdir(join(folder, 'sub'));
    await expect(ask({}, 'GET', join(folder, 'sub'))).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a tag', () => {
  const tag = async () => {
    const answer = await ask({}, 'HEAD');
    return answer.headers.get('etag')!;
  };

  it('spares what the client has already, in each form that the header has', async () => {
    const etag = await tag();
    for (const header of [etag, `W/${etag}`, '*', `"other", ${etag}`, `"other",W/${etag} , "x"`])
      for (const method of ['GET', 'HEAD']) {
        const answer = await ask({ 'if-none-match': header, range: 'bytes=0-1' }, method);
        expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([304, null, etag]);
      }
    for (const header of ['"other"', etag.slice(1, -1), `"${etag.slice(1, -2)}"`, ''])
      expect((await ask({ 'if-none-match': header }, 'HEAD')).status).toBe(200);
  });

  it('lets a download go on only where it is the very same file', async () => {
    const etag = await tag();
    const go = async (ifRange: string) => {
      const answer = await ask({ 'if-range': ifRange, range: 'bytes=500-' });
      return [answer.status, (await bodyOf(answer)).length];
    };
    expect(await go(etag)).toEqual([206, 500]);
    // A weak tag, another one and a date promise no equal bytes.
    for (const other of [`W/${etag}`, '"other"', 'Wed, 21 Oct 2015 07:28:00 GMT', '*'])
      expect(await go(other)).toEqual([200, 1000]);
    // A file that has another tag is sent whole, though the range would lie behind its end.
    const answer = await ask({ 'if-range': '"other"', range: 'bytes=5000-' }, 'GET');
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
  });

  it('changes with the file: with its time, its length, and one in its place of the same time and length', async () => {
    const time = new Date(1_700_000_000_000);
    await utimes(path, time, time);
    const first = await tag();
    expect(await tag()).toBe(first);
    await utimes(path, time, new Date(1_700_000_000_001));
    const second = await tag();
    await truncate(path, 999);
    await utimes(path, time, time);
    const third = await tag();
    await writeFile(`${path}.new`, CONTENT);
    await utimes(`${path}.new`, time, time);
    await rename(`${path}.new`, path);
    expect(new Set([first, second, third, await tag()]).size).toBe(4);
  });
});

describe('a large file behind a real server', () => {
  const SIZE = 32 * 2 ** 20;
  let url: string;
  let close: () => Promise<void>;

  beforeEach(async () => {
    await writeFile(path, Buffer.alloc(SIZE, 1));
    const server = serve({ fetch: (request) => sendFile(path, request), hostname: '127.0.0.1', port: 0 });
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    close = () => new Promise((resolve) => server.close(() => resolve()));
  });
  afterEach(() => close());

  it('arrives as it was when it was asked for, though another takes its place meanwhile', async () => {
    const answer = await fetch(url);
    const reader = answer.body!.getReader();
    let read = (await reader.read()).value!.length;
    await writeFile(`${path}.new`, Buffer.alloc(SIZE + 1, 2));
    await rename(`${path}.new`, path);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      expect(value.includes(2)).toBe(false);
      read += value.length;
    }
    expect(read).toBe(SIZE);
    const again = await fetch(url, { headers: { 'if-none-match': answer.headers.get('etag')! } });
    expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([200, SIZE + 1]);
  });

  it('that is cut off meanwhile breaks the connection: no client takes a half for the whole', async () => {
    const answer = await fetch(url);
    const reader = answer.body!.getReader();
    await reader.read();
    await truncate(path, 100);
    await expect(
      (async () => {
        while (!(await reader.read()).done);
      })(),
    ).rejects.toThrow();
  });

  it('is closed when clients go away, and when they only ask for its head', async () => {
    for (let i = 0; i < 5; i++) {
      const gone = new AbortController();
      const answer = await fetch(url, { signal: gone.signal });
      await answer.body!.getReader().read();
      gone.abort();
      expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe(String(SIZE));
    }
    // That nothing stays open is looked at after each test.
    expect((await fetch(url, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
  });
});

it.each([
  ['a/config.json', 'application/json'],
  ['x.wasm', 'application/wasm'],
  ['model.safetensors', 'application/octet-stream'],
  ['LICENSE', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
  ['__proto__', 'application/octet-stream'],
])('the type of %s is %s', (name, type) => {
  expect(mediaType(name)).toBe(type);
});
