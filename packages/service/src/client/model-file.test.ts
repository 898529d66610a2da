import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { collect, sendError, startBadServer } from '../../testing/bad-server.ts';
import { LudicClient } from './client.ts';

const CONTENT = randomBytes(100_000);
const ETAG = '"one"';
const clientOf = (baseUrl: string) => new LudicClient({ baseUrl, sleep: async () => {} });

/** Serves `CONTENT` as HTTP says, and hangs up after `most` bytes. */
function serve(
  response: ServerResponse,
  headers: Record<string, unknown>,
  most = Number.POSITIVE_INFINITY,
  etag = ETAG,
) {
  const [, start] = /^bytes=(\d+)-$/.exec(String(headers.range)) ?? [];
  const from = start !== undefined && headers['if-range'] === etag ? Number(start) : 0;
  const rest = CONTENT.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    etag,
    'content-length': rest.length,
    ...(from > 0 && { 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` }),
  });
  if (most >= rest.length) response.end(rest);
  else response.write(rest.subarray(0, most), () => response.destroy());
}

async function read(file: { readonly chunks: AsyncIterable<Uint8Array> }): Promise<Buffer> {
  return Buffer.concat(await collect(file.chunks));
}

describe('a file of a model', () => {
  it('is whole after any number of broken connections', async () => {
    await using server = await startBadServer((response, { headers }) => serve(response, headers, 9000));
    const progress: number[] = [];
    const file = await clientOf(server.baseUrl).modelFile('a', 'onnx/model.onnx', {
      onProgress: ({ bytes, size }) => {
        progress.push(bytes);
        expect(size).toBe(CONTENT.length);
      },
    });
    expect(file).toMatchObject({ size: CONTENT.length, etag: ETAG, from: 0 });
    expect((await read(file)).equals(CONTENT)).toBe(true);
    expect(progress.at(-1)).toBe(CONTENT.length);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(server.received.length).toBeGreaterThan(5);
    expect(server.received[0]!.url).toBe('/models/a/onnx/model.onnx');
  });

  it('goes on where an earlier one stopped, if it is still the same', async () => {
    await using server = await startBadServer((response, { headers }) => serve(response, headers));
    const client = clientOf(server.baseUrl);
    const rest = await client.modelFile('a', 'f', { have: { bytes: 1234, etag: ETAG } });
    expect(rest).toMatchObject({ from: 1234, size: CONTENT.length });
    expect((await read(rest)).equals(CONTENT.subarray(1234))).toBe(true);
    const other = await client.modelFile('a', 'f', { have: { bytes: 1234, etag: '"other"' } });
    expect(other.from).toBe(0);
    expect((await read(other)).equals(CONTENT)).toBe(true);
  });

  it('that changes on the way is never mixed', async () => {
    await using server = await startBadServer((response, { headers }, count) =>
      serve(response, headers, 9000, count === 0 ? ETAG : '"two"'),
    );
    const file = await clientOf(server.baseUrl).modelFile('a', 'f');
    await expect(read(file)).rejects.toMatchObject({ code: 'bad_answer', message: expect.stringMatching(/changed/) });
  });

  it('is not taken for whole where the server ends early and says no more', async () => {
    await using server = await startBadServer((response, _, count) =>
      count === 0
        ? response.writeHead(200, { 'content-length': 50 }).write('x', () => response.destroy())
        : response.destroy(),
    );
    const file = await clientOf(server.baseUrl).modelFile('a', 'f');
    await expect(read(file)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('of another place than was asked for is refused', async () => {
    await using server = await startBadServer((response) =>
      response.writeHead(206, { etag: ETAG, 'content-range': 'bytes 7-9/10' }).end('abc'),
    );
    await expect(
      clientOf(server.baseUrl).modelFile('a', 'f', { have: { bytes: 5, etag: ETAG } }),
    ).rejects.toMatchObject({ code: 'bad_answer' });
  });

  it('that is not there is not found', async () => {
    await using server = await startBadServer((response) => sendError(response, 404, 'not_found'));
    await expect(clientOf(server.baseUrl).modelFile('a', 'f')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('has an address for programs that fetch it by other means', async () => {
    await using server = await startBadServer((response, { headers }) => serve(response, headers));
    const client = new LudicClient({ baseUrl: server.baseUrl, password: 'schön' });
    const { url, headers } = client.modelFileAddress('a', 'onnx/model.onnx');
    expect(url).toBe(`${server.baseUrl.replace(/\/$/, '')}/models/a/onnx/model.onnx`);
    expect(Buffer.from((await (await fetch(url, { headers })).arrayBuffer()) as ArrayBuffer)).toEqual(CONTENT);
    // As bytes of UTF-8, which headers carry.
    expect(headers.authorization).toBe('Bearer schÃ¶n');
    expect(() => client.modelFileAddress('..', 'f')).toThrow(expect.objectContaining({ code: 'bad_request' }));
  });
});
