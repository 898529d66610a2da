import { expect, it, vi } from 'vitest';
import { browse, headersOf } from './sources.ts';

it('sends a password of any characters in a header that fetch takes', () => {
  const source = { from: 'server', address: 'https://ludic.example', password: 'schlüssel–鍵🎲' } as const;
  const { authorization } = headersOf(source);
  const request = new Request(source.address, { headers: { authorization: authorization! } });
  const bytes = Buffer.from(request.headers.get('authorization')!.slice('Bearer '.length), 'latin1');
  expect(bytes.toString('utf8')).toBe(source.password);
});

it.each([
  ['ludic.example', /is no address of a server/],
  ['http://ludic.example', /is not encrypted/],
])('asks %s for no models, as it is asked for no jobs', async (address, message) => {
  const asking = browse({ from: 'server', address, password: 'x' }, new AbortController().signal);
  await expect(asking).rejects.toThrow(message);
});

it('finds the models of a server below a path, and names them after it', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    const files = [{ path: 'config.json', size_bytes: 7 }];
    return Response.json({ models: [{ name: 'nano', status: 'ready', env_type: null, files }] });
  });
  const source = { from: 'server', address: 'https://play.example/ludic', password: 'x' } as const;
  const [listing] = await browse(source, new AbortController().signal);
  vi.unstubAllGlobals();
  expect(asked).toEqual(['https://play.example/ludic/models']);
  expect(listing).toMatchObject({
    name: 'nano on https://play.example/ludic',
    files: [{ url: 'https://play.example/ludic/models/nano/config.json' }],
  });
});
