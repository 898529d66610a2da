import { describe, expect, it } from 'vitest';
import { parseReference } from './reference.ts';

describe('a model of the Hub', () => {
  it('is named by org/name alone', () => {
    expect(parseReference('org/name')).toEqual({ repo: 'org/name', revision: 'main' });
    expect(parseReference('org/name@refs/pr/1')).toEqual({ repo: 'org/name', revision: 'refs/pr/1' });
    for (const text of [
      'name',
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
