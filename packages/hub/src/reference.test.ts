import { describe, expect, it } from 'vitest';
import { parseReference, referenceText } from './reference.ts';

describe('a model of the Hub', () => {
  it('is named by org/name, or by one word where it is old', () => {
    expect(parseReference('gpt2')).toEqual({ repo: 'gpt2', revision: 'main' });
    expect(parseReference('gpt2@main')).toEqual({ repo: 'gpt2', revision: 'main' });
    expect(parseReference('org/name')).toEqual({ repo: 'org/name', revision: 'main' });
    expect(parseReference('org/name@refs/pr/1')).toEqual({ repo: 'org/name', revision: 'refs/pr/1' });
    const gguf = { repo: 'org/name', revision: 'main', file: 'a-Q4_K_M.gguf' };
    expect(parseReference('org/name/a-Q4_K_M.gguf')).toEqual(gguf);
    expect(parseReference('org/name/a-Q4_K_M.gguf@v2')).toEqual({ ...gguf, revision: 'v2' });
    expect(referenceText({ ...gguf, revision: 'v2' })).toBe('org/name/a-Q4_K_M.gguf@v2');
    for (const text of [
      '',
      'org/name/..gguf/../a.gguf',
      'org/name/.gguf',
      'org/name/deep/a.gguf',
      '.',
      '..',
      '-name',
      'name.',
      'a name',
      'C:\\name',
      './name',
      '../name',
      '/org/name',
      'a/b/c',
      'org/',
      'org/name@',
      'org/name@../x',
      'org/..',
      'a--b/c',
    ])
      expect(parseReference(text), text).toBeUndefined();
  });
});
