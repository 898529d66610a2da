import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf } from './address.ts';
import { parseBaseUrl } from './base-url.ts';

describe('a base URL', () => {
  it.each([
    ['https://example.org', 'https://example.org/jobs/7'],
    ['https://example.org/', 'https://example.org/jobs/7'],
    ['https://example.org/ludic', 'https://example.org/ludic/jobs/7'],
    ['https://example.org/a/ludic//', 'https://example.org/a/ludic//jobs/7'],
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000/jobs/7'],
    ['http://127.9.8.7', 'http://127.9.8.7/jobs/7'],
    ['http://[::1]:8000/x', 'http://[::1]:8000/x/jobs/7'],
    ['http://LOCALHOST:1', 'http://localhost:1/jobs/7'],
  ])('%s leads to %s', (base, address) => {
    expect(addressOf(parseBaseUrl(base, false), '/jobs/{id}', { id: '7' }).href).toBe(address);
  });

  it.each([
    ['', 'bad_base_url'],
    ['example.org', 'bad_base_url'],
    ['localhost:8000', 'bad_base_url'],
    ['ftp://example.org', 'bad_base_url'],
    ['https://example.org/?a', 'bad_base_url'],
    ['https://me:secret@example.org', 'bad_base_url'],
    ['http://example.org', 'insecure'],
    ['http://10.0.0.1', 'insecure'],
    ['http://127.0.0.1.example.org', 'insecure'],
    ['http://localhost.example.org', 'insecure'],
  ])('%s is refused as %s, without repeating a password', (base, code) => {
    const attempt = () => parseBaseUrl(base, false);
    expect(attempt).toThrow(expect.objectContaining({ name: 'ClientError', code }));
    expect(attempt).not.toThrow('secret');
  });

  it('may be unencrypted where that was wished', () => {
    expect(parseBaseUrl('http://10.0.0.1', true).href).toBe('http://10.0.0.1/');
  });
});

describe('an address', () => {
  const base = parseBaseUrl('https://example.org/ludic', false);

  it('stays below its endpoint, whatever a name holds', () => {
    let made = 0;
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..', '.', '../x', '%2e%2e', '?', '#', '\\..')),
        (name) => {
          let url: URL;
          try {
            url = addressOf(base, '/models/{name}', { name });
          } catch (error) {
            expect(error).toMatchObject({ code: 'bad_request' });
            return;
          }
          made++;
          expect(url.href.startsWith('https://example.org/ludic/models/')).toBe(true);
          expect(decodeURIComponent(url.pathname.slice('/ludic/models/'.length))).toBe(name);
          expect(url.pathname.split('/')).toHaveLength(4);
          expect(url.search + url.hash).toBe('');
        },
      ),
    );
    expect(made).toBeGreaterThan(50);
  });

  it('keeps the slashes of a file, but for ways out', () => {
    const of = (file: string) => addressOf(base, '/models/{name}/{file}', { name: 'a', file }).pathname;
    expect(of('onnx/model 1.onnx')).toBe('/ludic/models/a/onnx/model%201.onnx');
    for (const file of ['../b', 'x/../../b', '/x', 'x//y', '']) expect(() => of(file)).toThrow(/cannot be a file/);
  });

  it('carries its query', () => {
    expect(addressOf(base, '/jobs', {}, { limit: 5, status: undefined }).search).toBe('?limit=5');
  });
});
