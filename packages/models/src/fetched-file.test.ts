// Files over connections that break: what has come is not asked for again, and what is put together is one version.

import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FetchPolicy } from '@ludic/io';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchModelFile } from './fetched-file.ts';

const POLICY: FetchPolicy = { attempts: 4, firstPause: 1, longestPause: 20, longestWait: 20, idleTimeout: 2000 };
const SIZE = 300_000;

interface Version {
  readonly bytes: Buffer;
  readonly etag?: string;
}
/** Every version has its own bytes everywhere. */
const version = (number: number, etag: string | undefined = `"v${number}"`, size = SIZE): Version => ({
  bytes: Buffer.from(Uint8Array.from({ length: size }, (_, i) => (16 * number + (i % 15)) % 256)),
  ...(etag && { etag }),
});

let server: Server;
let url = '';
const asked: IncomingHttpHeaders[] = [];
/** Answers in the order of the requests, the last of them for all that follow. */
let answers: readonly ((response: ServerResponse, headers: IncomingHttpHeaders) => void)[] = [];
let open = 0;

interface Manner {
  /** Bytes of the body after which the connection breaks. */
  readonly cut?: number;
  /** Ranges are not known here. */
  readonly whole?: boolean;
  /** If-Range is not known here. */
  readonly careless?: boolean;
}

const file =
  ({ bytes, etag }: Version, { cut, whole = false, careless = false }: Manner = {}) =>
  (response: ServerResponse, headers: IncomingHttpHeaders) => {
    const { range } = headers;
    const ifRange = headers['if-range'] as string | undefined;
    if (etag) response.setHeader('etag', etag);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const isPart = range !== undefined && !whole && (careless || ifRange === undefined || ifRange === etag);
    if (isPart && from >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const part = isPart ? bytes.subarray(from) : bytes;
    if (isPart) response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
    response.writeHead(isPart ? 206 : 200, { 'content-length': part.length });
    if (cut === undefined || cut >= part.length) response.end(part);
    else response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 10));
  };

beforeAll(async () => {
  server = createServer(({ headers }, response) => {
    asked.push(headers);
    open++;
    response.once('close', () => open--);
    answers[Math.min(asked.length, answers.length) - 1]!(response, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/weights`;
});
beforeEach(() => {
  asked.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const AUTHORIZED = { authorization: 'Bearer x' };

async function fetched(options: Parameters<typeof fetchModelFile>[2] = {}): Promise<Buffer | undefined> {
  const blob = await fetchModelFile(url, 'weights', { policy: POLICY, ...options });
  return blob && Buffer.from(await blob.arrayBuffer());
}

describe('a connection that breaks', () => {
  it('costs nothing that has come: the rest is asked for, and what is here counted on', async () => {
    const one = version(1);
    answers = [file(one, { cut: 100_000 }), file(one, { cut: 50_000 }), file(one)];
    const progress: number[] = [];
    const whole = await fetched({
      headers: AUTHORIZED,
      onProgress: ({ loaded, total }) => {
        expect(total).toBe(SIZE);
        progress.push(loaded);
      },
    });
    expect(whole?.equals(one.bytes)).toBe(true);
    const ranges = asked.map(({ range, 'if-range': ifRange }) => [range, ifRange]);
    expect(ranges[0]).toEqual([undefined, undefined]);
    const starts = ranges.slice(1).map(([range]) => Number(/^bytes=(\d+)-$/.exec(String(range))![1]));
    expect(starts).toHaveLength(2);
    expect(starts[0]).toBeGreaterThan(0);
    expect(starts[0]).toBeLessThanOrEqual(100_000);
    expect(starts[1]).toBeGreaterThan(starts[0]!);
    expect(ranges.slice(1).map(([, ifRange]) => ifRange)).toEqual(['"v1"', '"v1"']);
    expect(asked.map(({ authorization }) => authorization)).toEqual(Array(3).fill('Bearer x'));
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(SIZE);
  });

  it('asks a server without a password for nothing that needs its leave', async () => {
    answers = [file(version(1), { cut: 100_000 }), file(version(1))];
    expect((await fetched())?.equals(version(1).bytes)).toBe(true);
    expect(asked[1]).toMatchObject({ range: expect.stringMatching(/^bytes=\d+-$/) });
    expect(asked[1]).not.toHaveProperty('if-range');
  });

  it.each([
    ['ignores ranges', version(1), { whole: true }],
    ['has no tag', version(1, ''), {}],
    ['has a weak tag', version(1, 'W/"v1"'), {}],
  ])('gives the whole where the server %s', async (_, one, manner) => {
    answers = [file(one, { ...manner, cut: 200_000 }), file(one, manner)];
    expect((await fetched({ headers: AUTHORIZED }))?.equals(one.bytes)).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['that goes by If-Range', version(2), {}],
    ['that does not', version(2), { careless: true }],
    ['that does not, of a shorter file', version(2, '"v2"', 10), { careless: true }],
    ['without tags by now', version(2, ''), { careless: true }],
  ])('gives another version whole, from a server %s', async (_, two, manner) => {
    answers = [file(version(1), { cut: 200_000 }), file(two, manner)];
    expect((await fetched({ headers: AUTHORIZED }))?.equals(two.bytes)).toBe(true);
  });

  it('is given up after a few tries, in a sentence', async () => {
    answers = [file(version(1), { cut: 100_000 }), file(version(1), { cut: 0 })];
    await expect(fetched()).rejects.toMatchObject({
      code: 'not_fetched',
      message: expect.stringMatching(/^weights could not be fetched: .*Try again\.$/),
    });
    expect(asked).toHaveLength(POLICY.attempts);
  });

  it('is not given up as long as much comes between', async () => {
    const large = version(1, '"large"', 12 * 2 ** 20);
    answers = [...Array(6).fill(file(large, { cut: 1.5 * 2 ** 20 })), file(large)];
    expect((await fetched())?.equals(large.bytes)).toBe(true);
    expect(asked).toHaveLength(7);
  });

  it('counts as broken when nothing comes', async () => {
    const silent = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': SIZE, etag: '"v1"' });
      response.write(version(1).bytes.subarray(0, 1000));
    };
    answers = [silent, file(version(1))];
    const whole = await fetched({ policy: { ...POLICY, idleTimeout: 1000 } });
    expect(whole?.equals(version(1).bytes)).toBe(true);
    expect(asked[1]?.range).toBe('bytes=1000-');
  });

  it('is always put together to one version, whatever server and connection do', async () => {
    const manner = fc.record({
      number: fc.integer({ min: 1, max: 2 }),
      cut: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
      whole: fc.boolean(),
      careless: fc.boolean(),
      tag: fc.constantFrom('strong', 'weak', 'none'),
    });
    const tagOf = { strong: (n: number) => `"v${n}"`, weak: (n: number) => `W/"v${n}"`, none: () => '' } as const;
    let resumed = 0;
    let mended = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(manner, { minLength: 1, maxLength: 5 }), fc.boolean(), async (manners, isKnown) => {
        asked.length = 0;
        answers = manners.map(({ number, tag, cut, ...rest }) =>
          file(version(number, tagOf[tag](number), 3000), { ...rest, ...(cut !== undefined && { cut }) }),
        );
        const whole = await fetched(isKnown ? { headers: AUTHORIZED } : {}).catch((error: Error) => error);
        resumed += asked.some(({ range }) => range) ? 1 : 0;
        if (whole instanceof Error) expect(whole).toMatchObject({ code: 'not_fetched' });
        else {
          mended += asked.length > 1 ? 1 : 0;
          expect([1, 2].some((number) => whole!.equals(version(number, '', 3000).bytes))).toBe(true);
        }
      }),
      { numRuns: 120 },
    );
    expect(Math.min(resumed, mended)).toBeGreaterThan(5);
  });
});

describe('a server', () => {
  it('that is overloaded is asked again when it says', async () => {
    answers = [(response) => response.writeHead(503, { 'retry-after': '0' }).end(), file(version(1))];
    expect((await fetched())?.length).toBe(SIZE);
  });

  it('that wants to be left alone for long is', async () => {
    answers = [(response) => response.writeHead(429, { 'retry-after': '600' }).end()];
    await expect(fetched()).rejects.toMatchObject({ code: 'not_fetched', message: expect.stringContaining('429') });
    expect(asked).toHaveLength(1);
  });

  it.each([401, 403])('that refuses (%d) is not asked again', async (status) => {
    answers = [(response) => response.writeHead(status).end()];
    await expect(fetched()).rejects.toMatchObject({ code: 'not_allowed' });
    expect(asked).toHaveLength(1);
  });

  it('whose gateway sends its page of faults is asked again: that is no missing file', async () => {
    answers = [(response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>'), file(version(1))];
    expect((await fetched())?.length).toBe(SIZE);
  });

  it('that has lost the file meanwhile has none', async () => {
    answers = [file(version(1), { cut: 1000 }), (response) => response.writeHead(404).end()];
    expect(await fetched()).toBeUndefined();
  });
});

describe('a signal', () => {
  it('ends a download at once, and its connection', async () => {
    const controller = new AbortController();
    answers = [
      (response) => {
        response.writeHead(200, { 'content-length': SIZE });
        response.write('a');
      },
    ];
    const asking = fetched({ signal: controller.signal, onProgress: () => controller.abort() });
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => open).toBe(0);
  });

  it('ends the waiting between two tries', async () => {
    const controller = new AbortController();
    answers = [
      (response) => {
        response.writeHead(503).end();
        setTimeout(() => controller.abort(), 20);
      },
    ];
    const asking = fetched({
      signal: controller.signal,
      policy: { ...POLICY, firstPause: 1e6, longestPause: 1e6, longestWait: 1e6 },
    });
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked).toHaveLength(1);
  });
});
