// The answers that a file goes on with. Downloads over real connections are tested where they are used: the Hub, the client
// and the page.

import { describe, expect, it } from 'vitest';
import { openAnswer } from './answer.ts';
import { PartialFile, resumableDownload } from './resumable-download.ts';
import { TransientError } from './retry.ts';

const REST = { 'content-range': 'bytes 5-9/10', etag: '"one"' };
const answer = (status: number, headers: Record<string, string>) => ({ status, headers: new Headers(headers) });
const here = () => new PartialFile({ bytes: 5, etag: '"one"' });

describe('a file of which a part is here', () => {
  it('asks for the rest of the same version', () => {
    expect(here().range).toEqual({ range: 'bytes=5-', 'if-range': '"one"' });
    expect(new PartialFile({ bytes: 5, etag: 'W/"one"' }).range).toEqual({});
    expect(new PartialFile({ etag: '"one"' }).range).toEqual({});
  });

  it('goes on with the rest', () => {
    const file = here();
    expect(file.begin(answer(206, REST))).toBe(true);
    expect(file).toMatchObject({ bytes: 5, size: 10, etag: '"one"' });
  });

  it.each([
    ['another place', { ...REST, 'content-range': 'bytes 6-9/10' }],
    ['another version', { ...REST, etag: '"two"' }],
    ['no version', { 'content-range': 'bytes 5-9/10' }],
    ['no place', { etag: '"one"' }],
    ['another form', { ...REST, 'content-encoding': 'gzip' }],
  ])('begins anew where an answer is of %s', (_, headers) => {
    const file = here();
    expect(file.begin(answer(206, headers))).toBe(false);
    expect(file).toMatchObject({ bytes: 0, size: undefined });
  });

  it('begins anew where the whole comes, or the server knows no such rest', () => {
    const [whole, none] = [here(), here()];
    expect(whole.begin(answer(200, { 'content-length': '7', etag: '"two"' }))).toBe(true);
    expect(whole).toMatchObject({ bytes: 0, size: 7, etag: '"two"' });
    expect(none.begin(answer(416, {}))).toBe(false);
    expect(none.bytes).toBe(0);
  });

  it('takes any rest where its caller checks the whole', () => {
    const file = new PartialFile({ bytes: 5 }, 10);
    expect(file.range).toEqual({ range: 'bytes=5-' });
    expect(file.begin(answer(206, { 'content-range': 'bytes 5-9/10' }))).toBe(true);
  });
});

it('is given up where each attempt breaks off as late as the one before', async () => {
  const policy = { attempts: 3, firstPause: 0, longestPause: 0, longestWait: 0, idleTimeout: 10_000 };
  const file = new PartialFile();
  let asked = 0;
  const pieces = resumableDownload(file, {
    policy,
    progressBytes: 4,
    open: () =>
      openAnswer({ url: '', limit: 10_000, named: (error) => error }, async () => {
        asked++;
        return new Response('12345', { headers: { 'content-length': '9' } });
      }),
    broken: (how) => new TransientError(new Error(how)),
  });
  const reading = (async () => {
    for await (const _ of pieces);
  })();
  await expect(reading).rejects.toThrow('short');
  // The first brought much, so that its failure counts as the first of three.
  expect(asked).toBe(3);
});
