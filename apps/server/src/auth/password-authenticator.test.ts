import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AuthResult, PasswordAuthenticator } from './password-authenticator.ts';
import { Passwords } from './passwords.ts';
import { HandClock, hashOf, onePassword } from './testing.ts';

const RIGHT = 'correct horse';
const open = async () => {
  const clock = new HandClock();
  const authenticator = new PasswordAuthenticator(await onePassword(RIGHT), clock.now);
  const knock = (presented: string, address = '1.1.1.1', signal?: AbortSignal) =>
    authenticator.authenticate({ presented, address, signal });
  return { clock, authenticator, knock };
};
const count = (results: readonly AuthResult[]) =>
  Object.fromEntries(
    Object.entries(Object.groupBy(results, ({ kind }) => kind)).map(([kind, all]) => [kind, all.length]),
  );
const times = <T>(n: number, make: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => make(index));

describe('the authenticator', () => {
  it('accepts the right password and no other', async () => {
    const { knock } = await open();
    expect(await knock(RIGHT)).toEqual({ kind: 'accepted', who: 'password' });
    expect(await knock('correct horsf')).toEqual({ kind: 'rejected' });
    expect(await knock('')).toEqual({ kind: 'rejected' });
    expect(await knock('x'.repeat(100_000), '2.2.2.2')).toEqual({ kind: 'rejected' });
  });

  it('knows people by their line, with and without the name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ludic-authenticator-'));
    const file = join(folder, 'passwords');
    await writeFile(file, `alice:${await hashOf('secret of alice')}\nbob:${await hashOf('secret of bob')}\n`);
    const passwords = await Passwords.open({ file });
    const authenticator = new PasswordAuthenticator(passwords);
    const knock = (presented: string) => authenticator.authenticate({ presented, address: presented });
    expect(await knock('secret of bob')).toEqual({ kind: 'accepted', who: 'bob' });
    expect(await knock('alice:secret of alice')).toEqual({ kind: 'accepted', who: 'alice' });
    for (const wrong of [
      'alice:secret of bob',
      'eve:secret of bob',
      ':secret of bob',
      'bob:',
      'bob',
      'bob:secret of bob ',
    ])
      expect(await knock(wrong)).toEqual({ kind: 'rejected' });
    // A new file: the remembered password of yesterday is forgotten with it.
    await writeFile(file, `alice:${await hashOf('secret of alice')}\nbob:${await hashOf('new secret of bob')}\n`);
    await passwords.look();
    await passwords.look();
    expect(await knock('secret of bob')).toEqual({ kind: 'rejected' });
    expect(await knock('new secret of bob')).toEqual({ kind: 'accepted', who: 'bob' });
    passwords.close();
    await rm(folder, { recursive: true });
  });

  it('does not let in what was verified against passwords that changed meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ludic-authenticator-'));
    const file = join(folder, 'passwords');
    await writeFile(file, `bob:${await hashOf('secret of bob')}\n`);
    const passwords = await Passwords.open({ file });
    const authenticator = new PasswordAuthenticator(passwords);
    await writeFile(file, `bob:${await hashOf('new secret of bob')}\n`);
    await passwords.look();
    const looking = passwords.look();
    const result = authenticator.authenticate({ presented: 'secret of bob', address: 'a' });
    await looking;
    expect(await result).toMatchObject({ kind: expect.stringMatching(/throttled|rejected/) });
    expect(authenticator.load.remembered).toBe(0);
    passwords.close();
    await rm(folder, { recursive: true });
  });

  it('verifies once for many requests with one password from one address', async () => {
    const { authenticator, knock } = await open();
    const results = times(100, () => knock(RIGHT));
    expect(authenticator.load).toMatchObject({ running: 1, waiting: 0 });
    expect(count(await Promise.all(results))).toEqual({ accepted: 100 });
    expect(authenticator.load).toMatchObject({ running: 0, remembered: 1 });
    const again = knock(RIGHT);
    expect(authenticator.load.running).toBe(0);
    expect(await again).toEqual({ kind: 'accepted', who: 'password' });
  });

  it('forgets who was right after five minutes', async () => {
    const { clock, authenticator, knock } = await open();
    await knock(RIGHT);
    clock.ms = 299_999;
    void knock(RIGHT);
    expect(authenticator.load.running).toBe(0);
    clock.ms = 300_000;
    const late = knock(RIGHT);
    expect(authenticator.load.running).toBe(1);
    expect(await late).toMatchObject({ kind: 'accepted' });
  });

  it('makes an address wait longer after each wrong password, whatever it presents then', async () => {
    const { clock, authenticator, knock } = await open();
    const waits: number[] = [];
    for (let guess = 0; guess < 6; guess++) {
      expect(await knock(`guess ${guess}`)).toEqual({ kind: 'rejected' });
      const next = await knock(RIGHT.toUpperCase());
      if (guess < 2) {
        expect(next).toEqual({ kind: 'rejected' });
        guess++;
        continue;
      }
      expect(next).toMatchObject({ kind: 'throttled', reason: 'delayed' });
      expect(authenticator.load.running).toBe(0);
      const seconds = next.kind === 'throttled' ? next.retryAfterS : 0;
      waits.push(seconds);
      expect(await knock(RIGHT)).toMatchObject({ kind: 'throttled' });
      clock.ms += seconds * 1000;
    }
    expect(waits).toEqual([1, 2, 4, 8]);
    expect(await knock(RIGHT, '2.2.2.2')).toMatchObject({ kind: 'accepted' });
    expect(await knock(RIGHT)).toMatchObject({ kind: 'accepted' });
  });

  it('lets a remembered password pass while its address is delayed, until a guess at it comes from there', async () => {
    const { knock } = await open();
    await knock(RIGHT);
    for (let guess = 0; guess < 3; guess++) await knock(`guess ${guess}`);
    for (let guess = 0; guess < 98; guess++) expect(await knock(`guess ${guess}`)).toMatchObject({ kind: 'throttled' });
    expect(await knock(RIGHT)).toMatchObject({ kind: 'accepted' });
    await knock('one guess more');
    expect(await knock(RIGHT)).toMatchObject({ kind: 'throttled', reason: 'delayed' });
  });

  it('drops what no request waits for any more', async () => {
    const { authenticator, knock } = await open();
    const busy = times(4, (n) => knock('wrong', `10.0.0.${n}`));
    const { waiting } = authenticator.load;
    expect(waiting).toBeGreaterThan(0);
    const clients = times(3, () => new AbortController());
    const gone = clients.map(({ signal }) => knock('wrong too', '9.9.9.9', signal));
    expect(authenticator.load.waiting).toBe(waiting + 1);
    clients[0]!.abort();
    clients[1]!.abort();
    expect(authenticator.load.waiting).toBe(waiting + 1);
    clients[2]!.abort();
    expect(authenticator.load.waiting).toBe(waiting);
    expect(count(await Promise.all(gone))).toEqual({ aborted: 3 });
    expect(await knock('x', '8.8.8.8', AbortSignal.abort())).toEqual({ kind: 'aborted' });
    await Promise.all(busy);
  });
});

describe('a flood of wrong passwords', () => {
  it('from one address costs one verification, and no other address waits for it', async () => {
    const { authenticator, knock } = await open();
    const flood = times(200, (n) => knock(`guess ${n}`));
    expect(authenticator.load).toMatchObject({ running: 1, waiting: 0 });
    expect(await knock(RIGHT, '2.2.2.2')).toMatchObject({ kind: 'accepted' });
    expect(count(await Promise.all(flood))).toEqual({ rejected: 1, throttled: 199 });
    expect(authenticator.load).toMatchObject({ running: 0, waiting: 0, addresses: 2 });
  });

  it.each([
    ['that was used before', '2.2.2.2'],
    ['that is new', '3.3.3.3'],
  ])('from many addresses fills a short queue, and a right password from an address %s goes first', async (_, from) => {
    const { clock, authenticator, knock } = await open();
    await knock(RIGHT, '2.2.2.2');
    clock.ms = 400_000;
    const flood = times(500, (n) => knock('guess', `10.0.${n >> 8}.${n & 255}`));
    const { running, waiting } = authenticator.load;
    expect(running).toBeLessThanOrEqual(2);
    expect(waiting).toBe(64);
    let done = 0;
    for (const each of flood) void each.then(({ kind }) => kind === 'rejected' && done++);
    expect(await knock(RIGHT, from)).toMatchObject({ kind: 'accepted' });
    // Those in work when it came, and what ended beside it.
    expect(done).toBeLessThanOrEqual(2 * running);
    const results = await Promise.all(flood);
    expect(count(results)).toEqual({ rejected: running + 63, throttled: 500 - running - 63 });
    for (const result of results)
      if (result.kind === 'throttled') expect(result).toMatchObject({ reason: 'busy', retryAfterS: 1 });
    expect(authenticator.load.addresses).toBeLessThanOrEqual(running + 63 + 2);
  });

  it('from addresses that were wrong before waits for everybody else', async () => {
    const { authenticator, knock } = await open();
    await Promise.all(times(10, (n) => knock('guess', `10.0.0.${n}`)));
    const flood = times(10, (n) => knock('guess again', `10.0.0.${n}`));
    const { running } = authenticator.load;
    let done = 0;
    for (const each of flood) void each.then(() => done++);
    expect(await knock(RIGHT, '2.2.2.2')).toMatchObject({ kind: 'accepted' });
    expect(done).toBeLessThanOrEqual(2 * running);
    await Promise.all(flood);
  });
});
