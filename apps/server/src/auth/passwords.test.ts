import { mkdtemp, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePasswordLines, parsePasswordVariable } from './password-lines.ts';
import { nameOf, PasswordSet, Passwords } from './passwords.ts';
import { hashOf } from './testing.ts';

let folder = '';
let file = '';
let news: string[] = [];
const opened: Passwords[] = [];
const openFile = async () => {
  const passwords = await Passwords.open({ file, onNews: (kind, sentence) => news.push(`${kind} ${sentence}`) });
  opened.push(passwords);
  return passwords;
};
/** A file counts at the second look that finds it. */
const lookTwice = async (passwords: Passwords) => {
  await passwords.look();
  await passwords.look();
};
const names = (passwords: Passwords) => passwords.current.entries.map(nameOf);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ludic-passwords-'));
  file = join(folder, 'passwords');
  news = [];
  await writeFile(file, `alice:${await hashOf('secret of alice')}\n`);
});
afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await rm(folder, { recursive: true });
});

describe('without a usable password the server does not start', () => {
  it.each([
    [{}, 'no_password', 'ludic hash-password'],
    [{ hash: '  ', file: '' }, 'no_password', 'ludic hash-password'],
    [{ hash: 'in the clear' }, 'bad_hash', 'LUDIC_PASSWORD_HASH'],
    [{ hash: 'x', file: '/nowhere' }, 'no_password', 'both'],
    [{ file: '/nowhere/at/all' }, 'bad_password_file', 'no such file'],
    [{ file: tmpdir() }, 'bad_password_file', 'no ordinary file'],
  ])('%j', async (settings, code, sentence) => {
    await expect(Passwords.open(settings)).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) });
  });

  it('nor with a file that is no text', async () => {
    await writeFile(file, Buffer.from([0xff, 0xfe, 0x00]));
    await expect(openFile()).rejects.toThrow('no UTF-8');
    await truncate(file, 1_000_000);
    await expect(openFile()).rejects.toThrow('too large');
  });
});

describe('a password file', () => {
  it('is read again when it is replaced', async () => {
    const passwords = await openFile();
    const before = passwords.current;
    await writeFile(`${file}.new`, `bob:${await hashOf('secret of bob')}\n`);
    await rename(`${file}.new`, file);
    await lookTwice(passwords);
    expect(names(passwords)).toEqual(['bob']);
    expect(passwords.current).not.toBe(before);
    expect(news).toEqual([`changed ${file} was read again: 1 passwords hold.`]);
  });

  it('is left alone while it is being written', async () => {
    const passwords = await openFile();
    for (const part of ['bob:$argon2id$v=19$m=19', `bob:${await hashOf('secret of bob')}`.slice(0, -3)]) {
      await writeFile(file, part);
      await passwords.look();
    }
    await writeFile(file, `bob:${await hashOf('secret of bob')}\n`);
    await passwords.look();
    expect(names(passwords)).toEqual(['alice']);
    await passwords.look();
    expect(names(passwords)).toEqual(['bob']);
    expect(news).toHaveLength(1);
  });

  it('that is broken or gone leaves the passwords from before, and that is said once', async () => {
    const passwords = await openFile();
    const before = passwords.current;
    await writeFile(file, 'alice:in the clear\n');
    for (let look = 0; look < 5; look++) await passwords.look();
    expect(news).toHaveLength(1);
    expect(news[0]).toMatch(/^kept .*line 1: alice has no hash.* stay until it is mended\.$/);
    expect(news[0]).not.toContain('in the clear');
    await rm(file);
    for (let look = 0; look < 5; look++) await passwords.look();
    expect(news).toHaveLength(2);
    expect(news[1]).toContain('no such file');
    expect(passwords.current).toBe(before);
    await writeFile(file, `bob:${await hashOf('secret of bob')}\n`);
    await lookTwice(passwords);
    expect(names(passwords)).toEqual(['bob']);
  });

  it('that was only touched changes no password', async () => {
    const passwords = await openFile();
    const before = passwords.current;
    await utimes(file, 1, 1);
    await lookTwice(passwords);
    expect(passwords.current).toBe(before);
  });

  it('is looked at by itself', async () => {
    const passwords = await openFile();
    await writeFile(file, `bob:${await hashOf('secret of bob')}\n`);
    await expect.poll(() => names(passwords)).toEqual(['bob']);
  });
});

describe('a presented text', () => {
  const book = async () =>
    new PasswordSet(
      parsePasswordLines(`alice:${await hashOf('secret of alice')}\nbob:${await hashOf('secret of bob')}`),
    );
  const tried = (each: PasswordSet, text: string) =>
    each.candidates(text).map(({ entry, password }) => [entry && nameOf(entry), password]);

  it('with a name is tried against one line', async () => {
    expect(tried(await book(), 'bob:a:b')).toEqual([['bob', 'a:b']]);
  });

  it('with a name that is unknown is tried against one hash that nothing fits, always the same', async () => {
    const each = await book();
    expect(tried(each, 'eve:secret of bob')).toEqual([[undefined, 'secret of bob']]);
    expect(each.candidates('eve:x')[0]!.hash).toBe(each.candidates('eve:y')[0]!.hash);
    expect(tried(each, 'constructor:x')).toEqual([[undefined, 'x']]);
  });

  it('without a name is tried against every line', async () => {
    for (const text of ['secret of bob', ':x', 'not a name:x'])
      expect(tried(await book(), text)).toEqual([
        ['alice', text],
        ['bob', text],
      ]);
  });

  it('is the whole password where that has no name', async () => {
    const one = new PasswordSet([parsePasswordVariable(await hashOf('colon:inside'))]);
    expect(tried(one, 'colon:inside')).toEqual([['password', 'colon:inside']]);
  });
});
