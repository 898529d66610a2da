import { describe, expect, it } from 'vitest';
import { delayAfter, Standing } from './standing.ts';

const HOUR = 3_600_000;

describe('an address', () => {
  it('waits longer after each failure, up to five minutes', () => {
    expect([1, 2, 3, 4, 5, 10, 11, 12, 500].map(delayAfter)).toEqual([
      0, 0, 1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000,
    ]);
    const standing = new Standing(10);
    for (let failure = 0; failure < 4; failure++) standing.failed('a', 50);
    expect(standing.delay('a', 50)).toBe(2000);
    expect(standing.delay('a', 1050)).toBe(1000);
    expect(standing.delay('a', 9999)).toBe(0);
    expect(standing.delay('b', 50)).toBe(0);
  });

  it('begins anew after a success, or an hour without a failure', () => {
    const standing = new Standing(10);
    for (let failure = 0; failure < 5; failure++) standing.failed('a', 0);
    standing.succeeded('a', 1);
    standing.failed('a', 2);
    expect(standing.delay('a', 2)).toBe(0);
    for (let failure = 0; failure < 5; failure++) standing.failed('b', 0);
    standing.failed('b', HOUR);
    expect(standing.delay('b', HOUR)).toBe(0);
    expect(standing.rank('b', HOUR)).toBe(2);
    expect(standing.rank('b', 2 * HOUR)).toBe(1);
  });

  it('waits before strangers when somebody there was right, and after them when somebody was wrong', () => {
    const standing = new Standing(10);
    standing.succeeded('good', 0);
    standing.failed('bad', 0);
    standing.succeeded('mixed', 0);
    standing.failed('mixed', 0);
    expect(['good', 'new', 'bad', 'mixed'].map((each) => standing.rank(each, 0))).toEqual([0, 1, 2, 2]);
  });

  it('is forgotten when there are too many, the longest without news first', () => {
    const standing = new Standing(100);
    for (let at = 0; at < 1000; at++) {
      standing.failed('persistent', at);
      standing.failed(`once ${at}`, at);
      standing.refused(`never seen ${at}`, at);
    }
    expect(standing.size).toBe(100);
    expect(standing.delay('persistent', 999)).toBeGreaterThan(0);
    expect(standing.rank('once 0', 999)).toBe(1);
    expect(standing.rank('once 999', 999)).toBe(2);
  });

  it('counts what was turned away until the next verification', () => {
    const standing = new Standing(10);
    standing.failed('a', 0);
    expect([standing.refused('a', 0), standing.refused('a', 0)]).toEqual([1, 2]);
    standing.succeeded('a', 0);
    expect(standing.refused('a', 0)).toBe(1);
  });
});
