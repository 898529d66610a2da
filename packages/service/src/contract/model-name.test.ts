import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelName } from './model-name.ts';

describe('the name of a model on a server', () => {
  it.each([
    ['first', 'first'],
    ['/tmp/trained_model', 'tmp-trained_model'],
    ['runs/a', 'runs-a'],
    ['./runs//a/', 'runs-a'],
    ['v1.2', 'v1.2'],
    ['a..b', 'a..b'],
  ])('of %s is %s', (path, name) => {
    expect(modelName(path)).toBe(name);
  });

  it.each([
    '',
    '/',
    '.',
    '..',
    '../x',
    'a/../b',
    '/tmp/..',
    '.hidden',
    'a/.b',
    '-rf',
    'a/-b',
    'a b',
    'a\\b',
    'C:\\x',
    'a\0b',
    'a\nb',
    'ü',
    '%2e%2e',
    '~',
    'x'.repeat(101),
    `${'y/'.repeat(60)}y`,
  ])('cannot be made of %j', (path) => {
    expect(modelName(path)).toBeUndefined();
  });

  const path = fc
    .array(
      fc.oneof(
        fc.constantFrom('/', '.', '..', 'a', '-', 'model', '_', '1'),
        fc.string({ unit: 'binary', maxLength: 2 }),
      ),
    )
    .map((parts) => parts.join(''));

  it('is one plain word, and is its own name', () => {
    let named = 0;
    fc.assert(
      fc.property(path, (text) => {
        const name = modelName(text);
        if (name === undefined) return;
        named++;
        expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/);
        expect(modelName(name)).toBe(name);
        expect(modelName(`/${text}`)).toBe(name);
      }),
      { numRuns: 2000 },
    );
    expect(named).toBeGreaterThan(100);
  });

  it('exists for every path of plain words that is short enough', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
        expect(modelName(words.join('/'))).toBe(words.join('-'));
      }),
    );
  });
});
