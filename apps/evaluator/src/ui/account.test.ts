import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Account, Door, tidyAddress } from './account.ts';

const ADA: Account = { address: 'https://ludic.example', password: 'ada:schlüssel' };
const BOB: Account = { address: 'http://127.0.0.1:8000', password: 'other' };

let kept: Map<string, string>;
beforeEach(() => {
  kept = new Map();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});
afterEach(() => vi.unstubAllGlobals());

it('keeps an account for the tab where that is wanted, and only then', () => {
  const door = new Door();
  door.signIn(ADA, false);
  expect([...kept]).toEqual([]);
  expect(new Door().state.account).toBeUndefined();
  door.signIn(ADA, true);
  expect(new Door().state.account).toEqual(ADA);
  // One that need not be kept takes the place of one that was.
  door.signIn(BOB, false);
  expect(new Door().state.account).toBeUndefined();
});

it('tells everybody who looks, and forgets what was kept', () => {
  const door = new Door();
  const seen: unknown[] = [];
  door.subscribe(() => seen.push(door.state));
  door.signIn(ADA, true);
  door.leave(ADA, 'The password is wrong.');
  expect(seen).toEqual([
    { account: ADA, left: undefined },
    { account: undefined, left: { address: ADA.address, trouble: 'The password is wrong.' } },
  ]);
  expect(kept.size).toBe(0);
});

it('stays open for the one who came after the one that is refused', () => {
  const door = new Door();
  door.signIn(ADA, false);
  door.signIn(BOB, true);
  door.leave(ADA, 'The password is wrong.');
  expect(door.state).toEqual({ account: BOB, left: undefined });
  expect(new Door().state.account).toEqual(BOB);
});

it('goes without storage, and without what others have left there', () => {
  kept.set('ludic server', '{"address":7}');
  expect(new Door().state.account).toBeUndefined();
  kept.set('ludic server', 'null');
  expect(new Door().state.account).toBeUndefined();
  vi.stubGlobal('sessionStorage', undefined);
  const door = new Door();
  door.signIn(ADA, true);
  expect(door.state.account).toEqual(ADA);
  door.leave(ADA);
  expect(door.state.account).toBeUndefined();
});

it('knows an address by one name', () => {
  expect([' https://a.example/ ', 'https://a.example', 'https://a.example//'].map(tidyAddress)).toEqual(
    Array(3).fill('https://a.example'),
  );
  expect(tidyAddress('https://a.example/ludic/')).toBe('https://a.example/ludic');
});
