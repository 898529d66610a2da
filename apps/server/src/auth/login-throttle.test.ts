import { describe, expect, it } from 'vitest';
import { delayAfter, LoginThrottle } from './login-throttle.ts';

const HOUR = 3_600_000;

describe('an address', () => {
  it('waits longer after each failure, up to five minutes', () => {
    expect([1, 2, 3, 4, 5, 10, 11, 12, 500].map(delayAfter)).toEqual([
      0, 0, 1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000,
    ]);
    const throttle = new LoginThrottle(10);
    for (let failure = 0; failure < 4; failure++) throttle.failed('a', 50);
    expect(throttle.delay('a', 50)).toBe(2000);
    expect(throttle.delay('a', 1050)).toBe(1000);
    expect(throttle.delay('a', 9999)).toBe(0);
    expect(throttle.delay('b', 50)).toBe(0);
  });

  it('begins anew after a success, or an hour without a failure', () => {
    const throttle = new LoginThrottle(10);
    for (let failure = 0; failure < 5; failure++) throttle.failed('a', 0);
    throttle.succeeded('a', 1);
    throttle.failed('a', 2);
    expect(throttle.delay('a', 2)).toBe(0);
    for (let failure = 0; failure < 5; failure++) throttle.failed('b', 0);
    throttle.failed('b', HOUR);
    expect(throttle.delay('b', HOUR)).toBe(0);
    expect(throttle.rank('b', HOUR)).toBe(2);
    expect(throttle.rank('b', 2 * HOUR)).toBe(1);
  });

  it('waits before strangers when a password from there was right, and after them when one was wrong', () => {
    const throttle = new LoginThrottle(10);
    throttle.succeeded('good', 0);
    throttle.failed('bad', 0);
    throttle.succeeded('mixed', 0);
    throttle.failed('mixed', 0);
    expect(['good', 'new', 'bad', 'mixed'].map((each) => throttle.rank(each, 0))).toEqual([0, 1, 2, 2]);
  });

  it('is forgotten when there are too many, the longest without news first', () => {
    const throttle = new LoginThrottle(100);
    for (let at = 0; at < 1000; at++) {
      throttle.failed('persistent', at);
      throttle.failed(`once ${at}`, at);
      throttle.throttled(`never seen ${at}`, at);
    }
    expect(throttle.size).toBe(100);
    expect(throttle.delay('persistent', 999)).toBeGreaterThan(0);
    expect(throttle.rank('once 0', 999)).toBe(1);
    expect(throttle.rank('once 999', 999)).toBe(2);
  });

  it('counts what was turned away until the next verification', () => {
    const throttle = new LoginThrottle(10);
    throttle.failed('a', 0);
    expect([throttle.throttled('a', 0), throttle.throttled('a', 0)]).toEqual([1, 2]);
    throttle.succeeded('a', 0);
    expect(throttle.throttled('a', 0)).toBe(1);
  });
});
