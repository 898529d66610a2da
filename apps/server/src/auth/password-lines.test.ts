import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { parsePasswordLines, parsePasswordVariable } from './password-lines.ts';

const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0MTI';
const COSTLY = HASH.replace('19456', '262144');
const names = (text: string) => parsePasswordLines(text).map(({ name }) => name);

describe('a password file', () => {
  it('has a line for each name, with comments and empty lines between, however its lines end', () => {
    const lines = [
      '# the team',
      `alice:${HASH}`,
      '',
      `  bob@home : ${HASH}  `,
      '   # and the machines',
      `ci-1:${HASH}`,
    ];
    expect(names(lines.join('\n'))).toEqual(['alice', 'bob@home', 'ci-1']);
    expect(names(`\u{feff}${lines.join('\r\n')}\r\n`)).toEqual(['alice', 'bob@home', 'ci-1']);
  });

  it.each([
    [`alice:${HASH}\nalice:${HASH}`, 'line 2: alice is named on line 1 already'],
    [`# x\n\nalice:${HASH}\nbob\n`, 'line 4: there is no colon'],
    [`al ice:${HASH}`, 'line 1: a name has'],
    [`:${HASH}`, 'line 1: a name has'],
    [HASH, 'line 1: there is no colon'],
    [`\n__proto__:${HASH}`, 'line 2: a name has'],
    ['alice:secret-in-the-clear', 'line 1: alice has no hash'],
    [`alice:${HASH.slice(0, 60)}`, 'line 1: alice has'],
    [`alice:${HASH}:extra`, 'line 1: alice has'],
    ['', 'no line with name:hash'],
    ['# nothing\n\n', 'no line with name:hash'],
    [Array.from({ length: 65 }, (_, i) => `n${i}:${HASH}`).join('\n'), '65 hashes cost 65 units'],
    [Array.from({ length: 5 }, (_, i) => `n${i}:${COSTLY}`).join('\n'), '5 hashes cost 65 units'],
  ])('that is wrong is refused with the line: %#', (text, sentence) => {
    expect(() => parsePasswordLines(text)).toThrow(sentence);
  });

  it('that is wrong is never repeated', () => {
    expect(() => parsePasswordLines('alice:secret-in-the-clear')).toThrow(
      expect.not.stringContaining('secret-in') as never,
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          parsePasswordLines(text);
        } catch (error) {
          expect(error).toBeInstanceOf(StartupError);
          return;
        }
        throw new Error('taken');
      }),
    );
  });

  it('gives back every set of names', () => {
    const name = fc.stringMatching(/^[A-Za-z\d][A-Za-z\d._@-]{0,63}$/);
    const end = fc.constantFrom('\n', '\r\n', '\n\n', '\n# c:d\n', ' \n');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, end), { minLength: 1, maxLength: 20, selector: ([n]) => n }),
        (lines) => {
          const text = lines.map(([each, after]) => `${each}:${HASH}${after}`).join('');
          expect(names(text)).toEqual(lines.map(([each]) => each));
        },
      ),
    );
  });
});

describe('the variable', () => {
  it('holds a hash, with or without a name', () => {
    expect(parsePasswordVariable(` ${HASH}\n`)).not.toHaveProperty('name');
    expect(parsePasswordVariable(`modal:${HASH}`)).toHaveProperty('name', 'modal');
  });

  it.each(['hunter2hunter2', 'alice:hunter2hunter2', `a b:${HASH}`, `${HASH}\n${HASH}`])('refuses %j', (text) => {
    expect(() => parsePasswordVariable(text)).toThrow(/^LUDIC_PASSWORD_HASH is (?!.*hunter2)/);
  });
});
