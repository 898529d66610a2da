import { describe, expect, it } from 'vitest';
import { VerifiedPasswordCache } from './verified-password-cache.ts';

describe('a password that was right', () => {
  it('is remembered for its address and its time', () => {
    const cache = new VerifiedPasswordCache(1000, 10);
    const digest = cache.digest('1.2.3.4', 'secret');
    cache.add(digest, '1.2.3.4', 'alice', 0);
    expect(cache.find(digest, 999)).toBe('alice');
    expect(cache.find(cache.digest('1.2.3.5', 'secret'), 999)).toBeUndefined();
    expect(cache.find(cache.digest('1.2.3.4', 'secreT'), 999)).toBeUndefined();
    expect(cache.find(digest, 1000)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('has another digest in another process, which does not hold it', () => {
    const digest = new VerifiedPasswordCache(1, 1).digest('a', 'secret');
    expect(new VerifiedPasswordCache(1, 1).digest('a', 'secret')).not.toBe(digest);
    expect(digest).not.toContain('secret');
  });

  it('makes room for later ones, and goes with its address or with all', () => {
    const cache = new VerifiedPasswordCache(1000, 3);
    for (const address of ['a', 'b', 'c', 'd']) cache.add(cache.digest(address, 'x'), address, address, 0);
    expect(cache.size).toBe(3);
    expect(cache.find(cache.digest('a', 'x'), 0)).toBeUndefined();
    cache.forgetAddress('c');
    expect(['b', 'c', 'd'].map((each) => cache.find(cache.digest(each, 'x'), 0))).toEqual(['b', undefined, 'd']);
    cache.clear();
    expect(cache.size).toBe(0);
  });
});
