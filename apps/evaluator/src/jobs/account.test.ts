import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Account, SessionStore, tidyAddress } from './account.ts';

const ADA: Account = { address: 'https://ludic.example', password: 'ada:schlüssel' };
const BOB: Account = { address: 'http://127.0.0.1:8000', password: 'other' };

let stored: Map<string, string>;
beforeEach(() => {
  stored = new Map();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
});
afterEach(() => vi.unstubAllGlobals());

it('keeps an account for the tab where that is wanted, and only then', () => {
  const sessionStore = new SessionStore();
  sessionStore.signIn(ADA, false);
  expect([...stored]).toEqual([]);
  expect(new SessionStore().state.account).toBeUndefined();
  sessionStore.signIn(ADA, true);
  expect(new SessionStore().state.account).toEqual(ADA);
  // One that need not be stored takes the place of one that was.
  sessionStore.signIn(BOB, false);
  expect(new SessionStore().state.account).toBeUndefined();
});

it('tells everybody who looks, and forgets what was stored', () => {
  const sessionStore = new SessionStore();
  const seen: unknown[] = [];
  sessionStore.subscribe(() => seen.push(sessionStore.state));
  sessionStore.signIn(ADA, true);
  sessionStore.leave(ADA, 'The password is wrong.');
  expect(seen).toEqual([
    { account: ADA, left: undefined },
    { account: undefined, left: { address: ADA.address, error: 'The password is wrong.' } },
  ]);
  expect(stored.size).toBe(0);
});

it('stays open for the one who came after the one that is refused', () => {
  const sessionStore = new SessionStore();
  sessionStore.signIn(ADA, false);
  sessionStore.signIn(BOB, true);
  sessionStore.leave(ADA, 'The password is wrong.');
  expect(sessionStore.state).toEqual({ account: BOB, left: undefined });
  expect(new SessionStore().state.account).toEqual(BOB);
});

it('goes without storage, and without what others have left there', () => {
  stored.set('ludic server', '{"address":7}');
  expect(new SessionStore().state.account).toBeUndefined();
  stored.set('ludic server', 'null');
  expect(new SessionStore().state.account).toBeUndefined();
  vi.stubGlobal('sessionStorage', undefined);
  const sessionStore = new SessionStore();
  sessionStore.signIn(ADA, true);
  expect(sessionStore.state.account).toEqual(ADA);
  sessionStore.leave(ADA);
  expect(sessionStore.state.account).toBeUndefined();
});

it('knows an address by one name', () => {
  expect([' https://a.example/ ', 'https://a.example', 'https://a.example//'].map(tidyAddress)).toEqual(
    Array(3).fill('https://a.example'),
  );
  expect(tidyAddress('https://a.example/ludic/')).toBe('https://a.example/ludic');
});
