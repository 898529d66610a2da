import { spawn, spawnSync } from 'node:child_process';
import { argon2Sync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { typeKeys } from './secret-input.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const piped = (input: string | Buffer, ...args: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, 'hash-password', ...args], { input, encoding: 'utf8' });
/** By OpenSSL's argon2, which had no part in making the hash. */
function verify(hash: string, password: string): boolean {
  const [, kind, , , salt, digest] = hash.split('$');
  const computed = argon2Sync(kind as 'argon2id', {
    message: password,
    nonce: Buffer.from(salt!, 'base64'),
    memory: 19_456,
    passes: 2,
    parallelism: 1,
    tagLength: 32,
  });
  return computed.equals(Buffer.from(digest!, 'base64'));
}
const SCRIPT = spawnSync('script', ['--version']).status === 0;

describe('ludic hash-password at a pipe', () => {
  it('prints the hash of the first line and nothing else', () => {
    const { status, stdout, stderr } = piped('correct horse ü\r\nsecond line\n');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$\n]+\$[^$\n]+\n$/);
    expect(verify(stdout.trim(), 'correct horse ü')).toBe(true);
    expect(verify(stdout.trim(), 'correct horse ü\r')).toBe(false);
  });

  it('prints a line of a password file for a name', () => {
    expect(piped('correct horse', '--name', 'alice').stdout).toMatch(/^alice:\$argon2id\$\S+\n$/);
    expect(piped('correct horse', '--name', 'a:b')).toMatchObject({ status: 2, stdout: '' });
  });

  it.each([
    ['short', 'at least 8'],
    ['', 'at least 8'],
    ['x'.repeat(2000), 'at most 1024'],
    ['x'.repeat(5000), 'longer than 4096'],
    [Buffer.from('corr\xffect horse', 'latin1'), 'no valid UTF-8'],
    ['tab\tin the middle', 'control characters'],
    [' space before', 'begin or end with a space'],
  ])('refuses %j without repeating it', (input, sentence) => {
    const { status, stdout, stderr } = piped(input);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    if (input.length > 0) expect(stderr).not.toContain(String(input));
  });
});

/** A terminal of its own, where each text is typed when its prompt has come. */
function atTerminal(answers: Readonly<Record<string, string>>): Promise<{ status: number | null; shown: string }> {
  const child = spawn('script', ['-qec', `'${process.execPath}' '${MAIN}' hash-password`, '/dev/null']);
  const { promise, resolve } = Promise.withResolvers<{ status: number | null; shown: string }>();
  const left = new Map(Object.entries(answers));
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk;
    for (const [prompt, keys] of left) {
      if (!shown.includes(prompt)) continue;
      left.delete(prompt);
      child.stdin.write(keys);
    }
  });
  child.on('close', (status) => resolve({ status, shown }));
  return promise;
}

describe.skipIf(!SCRIPT)('ludic hash-password at a terminal', () => {
  it('asks twice without echo', async () => {
    const { status, shown } = await atTerminal({
      'Password: ': 'correct horsX\x7fe\r',
      'Once more: ': 'correct horse\r',
    });
    expect(status).toBe(0);
    expect(shown).toContain('Password: ');
    expect(shown).toContain('Once more: ');
    expect(shown).not.toContain('correct');
    expect(verify(/\$argon2id\S+/.exec(shown)![0], 'correct horse')).toBe(true);
  });

  it('says when the two differ, and ends on Ctrl-C', async () => {
    const differing = await atTerminal({ 'Password: ': 'correct horse\r', 'Once more: ': 'correct house\r' });
    expect(differing).toMatchObject({ status: 2 });
    expect(differing.shown).toContain('differ');
    expect(differing.shown).not.toContain('argon2id');
    expect(await atTerminal({ 'Password: ': 'corr\x03' })).toMatchObject({ status: 130 });
  });
});

describe('typed keys', () => {
  it('are taken back, ended and given up', () => {
    expect(typeKeys('ab', 'c\x7f\x7fd\rrest')).toEqual({ kind: 'entered', text: 'ad', rest: 'rest' });
    expect(typeKeys('ab', '\x15x😀\x7f')).toEqual({ kind: 'open', text: 'x', rest: '' });
    expect(typeKeys('ab', '\x03')).toEqual({ kind: 'given_up' });
  });

  it('of arrows and the like count for nothing, also when they come in pieces', () => {
    expect(typeKeys('a', '\x1b[A\x1bOPb\x1b[1;5C\x1b')).toEqual({ kind: 'open', text: 'ab', rest: '' });
    expect(typeKeys('a', 'b\x1b[1;')).toEqual({ kind: 'open', text: 'ab', rest: '\x1b[1;' });
    expect(typeKeys('ab', '\x1b[1;5Cc')).toEqual({ kind: 'open', text: 'abc', rest: '' });
  });

  it('keep every printable text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!/\p{Cc}/u.test(text) && text.isWellFormed());
        expect(typeKeys('', `${text}\r`)).toEqual({ kind: 'entered', text, rest: '' });
      }),
    );
  });
});
