import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newLines } from './logs.ts';

describe('new lines of a log', () => {
  it('are all that came between two looks at its end, where lines differ', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(20), fc.integer({ min: 20, max: 30 }), (written, more, tail) => {
        const log = Array.from({ length: written + more }, (_, i) => `line ${i}`);
        const before = log.slice(0, written).slice(-tail);
        expect(newLines(before, log.slice(-tail))).toEqual(log.slice(written));
      }),
    );
  });

  it('are told of a log that is seen whole, whatever repeats in it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 30 }), fc.nat(10), (log, more) => {
        const written = Math.max(0, log.length - more);
        const told = newLines(log.slice(0, written), log);
        expect(told).toEqual(log.slice(written));
      }),
    );
  });

  it('are all of a look that has nothing in common with the one before', () => {
    expect(newLines(['a', 'b'], ['c', 'd'])).toEqual(['c', 'd']);
    expect(newLines([], [])).toEqual([]);
  });
});
