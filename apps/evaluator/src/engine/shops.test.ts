import { expect, it } from 'vitest';
import { headersOf } from './shops.ts';

it('sends a password of any characters in a header that fetch takes', () => {
  const shop = { from: 'server', address: 'https://ludic.example', password: 'schlüssel–鍵🎲' } as const;
  const { authorization } = headersOf(shop);
  const request = new Request(shop.address, { headers: { authorization: authorization! } });
  const bytes = Buffer.from(request.headers.get('authorization')!.slice('Bearer '.length), 'latin1');
  expect(bytes.toString('utf8')).toBe(shop.password);
});
