import { argon2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf, decoyOf, hashPassword, isTooLong, parseHash, verifyPassword } from './hash.ts';

/** As OpenSSL computes it. */
const foreign = (kind: 'argon2id' | 'argon2i', message: string, memory: number, passes: number, parallelism = 1) => {
  const nonce = Buffer.from('a salt of 16 byt');
  const tag = argon2Sync(kind, { message, nonce, memory, passes, parallelism, tagLength: 32 });
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$${kind}$v=19$m=${memory},t=${passes},p=${parallelism}$${text(nonce)}$${text(tag)}`;
};
const SALT = 'c2FsdHNhbHRzYWx0c2FsdA';
const DIGEST = 'ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0MTI';

describe('a hash', () => {
  it('fits its password alone', async () => {
    const text = await hashPassword('correct horse');
    const hash = parseHash(text);
    expect(await verifyPassword(hash, 'correct horse')).toBe(true);
    expect(await verifyPassword(hash, 'correct horsf')).toBe(false);
    expect(await verifyPassword(decoyOf(hash), 'correct horse')).toBe(false);
    expect(await hashPassword('correct horse')).not.toBe(text);
    expect(costOf(hash)).toBe(1);
  });

  it('fits the same letters composed in another way', async () => {
    const hash = parseHash(await hashPassword('gr\u00fc\u00dfe dich'));
    expect(await verifyPassword(hash, 'gru\u0308\u00dfe dich')).toBe(true);
  });

  it('of another tool is taken, whatever the order of its numbers', async () => {
    const text = foreign('argon2id', 'correct horse', 65_536, 3, 4);
    const hash = parseHash(text);
    expect(await verifyPassword(hash, 'correct horse')).toBe(true);
    expect(costOf(hash)).toBe(5);
    expect(parseHash(text.replace('m=65536,t=3,p=4', 'm=65536,p=4,t=3'))).toEqual(hash);
  });

  it.each([
    ['password1', 'no hash'],
    ['', 'no hash'],
    ['=19=19456,t=2,p=1/salt/digest', 'single quotes'],
    [foreign('argon2i', 'correct horse', 19_456, 2), 'another kind'],
    ['$2b$10$abcdefghijklmnopqrstuv', 'another kind'],
    [`$argon2id$v=16$m=19456,t=2,p=1$${SALT}$${DIGEST}`, 'damaged'],
    [`$argon2id$m=19456,t=2,p=1$${SALT}$${DIGEST}`, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2$${SALT}$${DIGEST}`, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2,t=2$${SALT}$${DIGEST}`, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2,p=1,k=1$${SALT}$${DIGEST}`, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2,p=1$${SALT}`, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${DIGEST} `, 'damaged'],
    [`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${DIGEST.slice(0, -2)}`, 'no base64'],
    [`$argon2id$v=19$m=19456,t=2,p=1$c2Fs$${DIGEST}`, '8 to 64'],
    [`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$ZGlnZXN0`, '16 to 64'],
    [`$argon2id$v=19$m=4096,t=3,p=1$${SALT}$${DIGEST}`, 'too weak'],
    [`$argon2id$v=19$m=19455,t=2,p=1$${SALT}$${DIGEST}`, 'too weak'],
    [`$argon2id$v=19$m=2097152,t=1,p=4$${SALT}$${DIGEST}`, 'costs too much'],
    [`$argon2id$v=19$m=262144,t=16,p=4$${SALT}$${DIGEST}`, 'costs too much'],
    [`$argon2id$v=19$m=19456,t=99999999,p=1$${SALT}$${DIGEST}`, 'costs too much'],
    [`$argon2id$v=19$m=19456,t=2,p=0$${SALT}$${DIGEST}`, 'lanes'],
    [`$argon2id$v=19$m=19456,t=2,p=64$${SALT}$${DIGEST}`, 'lanes'],
  ])('%s is refused', (text, sentence) => {
    expect(() => parseHash(text)).toThrow(sentence);
  });

  it('that is none is refused without being repeated', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, unit: 'binary' }), (text) => {
        let message = '';
        try {
          parseHash(text);
        } catch (error) {
          ({ message } = error as Error);
        }
        expect(message).not.toBe('');
        expect(message).not.toContain(text);
      }),
    );
  });
});

describe('a password', () => {
  it.each([
    ['seven77', 'at least 8'],
    ['\u{1f600}'.repeat(7), 'at least 8'],
    ['x'.repeat(1025), 'at most 1024'],
    ['\u00fc'.repeat(513), 'at most 1024'],
    ['with\nnew line', 'control characters'],
    ['lone \ud800 surrogate', 'UTF-8'],
    ['space at the end ', 'space'],
  ])('%j is refused', async (password, sentence) => {
    await expect(hashPassword(password)).rejects.toMatchObject({
      code: 'bad_password',
      message: expect.stringContaining(sentence),
    });
  });

  it('may have 8 characters or 1024 bytes', () => {
    expect(isTooLong('\u00fc'.repeat(512))).toBe(false);
    expect(isTooLong('\u00fc'.repeat(513))).toBe(true);
  });
});
