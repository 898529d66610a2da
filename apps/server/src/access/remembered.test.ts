import { describe, expect, it } from 'vitest';
import { Remembered } from './remembered.ts';

describe('a password that was right', () => {
  it('is remembered for its address and its time', () => {
    const remembered = new Remembered(1000, 10);
    const digest = remembered.digest('1.2.3.4', 'secret');
    remembered.remember(digest, '1.2.3.4', 'alice', 0);
    expect(remembered.find(digest, 999)).toBe('alice');
    expect(remembered.find(remembered.digest('1.2.3.5', 'secret'), 999)).toBeUndefined();
    expect(remembered.find(remembered.digest('1.2.3.4', 'secreT'), 999)).toBeUndefined();
    expect(remembered.find(digest, 1000)).toBeUndefined();
    expect(remembered.size).toBe(0);
  });

  it('has another digest in another process, which does not hold it', () => {
    const digest = new Remembered(1, 1).digest('a', 'secret');
    expect(new Remembered(1, 1).digest('a', 'secret')).not.toBe(digest);
    expect(digest).not.toContain('secret');
  });

  it('makes room for later ones, and goes with its address or with all', () => {
    const remembered = new Remembered(1000, 3);
    for (const address of ['a', 'b', 'c', 'd'])
      remembered.remember(remembered.digest(address, 'x'), address, address, 0);
    expect(remembered.size).toBe(3);
    expect(remembered.find(remembered.digest('a', 'x'), 0)).toBeUndefined();
    remembered.forgetAddress('c');
    expect(['b', 'c', 'd'].map((each) => remembered.find(remembered.digest(each, 'x'), 0))).toEqual([
      'b',
      undefined,
      'd',
    ]);
    remembered.clear();
    expect(remembered.size).toBe(0);
  });
});
