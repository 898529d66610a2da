// Rounding to float16, against a search among all of its numbers in whole-number arithmetic.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float16Bytes, LARGEST_FLOAT16 } from '../internal.ts';

const bits32 = (x: number) => new Uint32Array(Float32Array.of(x).buffer)[0]!;
const bits16 = (x: number) => new Uint16Array(float16Bytes(Float32Array.of(x)).slice().buffer)[0]!;
const from32 = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0]!;

/** |x| · 2¹⁴⁹, the smallest float32 being 2⁻¹⁴⁹. */
function exact32(bits: number): bigint {
  const exponent = (bits >> 23) & 0xff;
  const fraction = BigInt(bits & 0x7fffff);
  return exponent === 0 ? fraction : (fraction + 0x800000n) << BigInt(exponent - 1);
}

/** The same of the float16 with these bits; infinity counts as the number that would come after the largest. */
function exact16(bits: number): bigint {
  const exponent = bits >> 10;
  const fraction = BigInt(bits & 0x3ff);
  // The smallest is 2⁻²⁴ = 2¹²⁵ · 2⁻¹⁴⁹.
  return (exponent === 0 ? fraction : (fraction + 0x400n) << BigInt(exponent - 1)) << 125n;
}

function nearest(x: number): number {
  const bits = bits32(x);
  const sign = bits >>> 31 ? 0x8000 : 0;
  const wanted = exact32(bits);
  if (wanted >= exact16(0x7c00)) return sign | 0x7c00;
  let below = 0;
  for (let step = 0x4000; step > 0; step >>= 1)
    if (below + step < 0x7c00 && exact16(below + step) <= wanted) below += step;
  const down = wanted - exact16(below);
  const up = exact16(below + 1) - wanted;
  return sign | (down < up || (down === up && below % 2 === 0) ? below : below + 1);
}

describe('float16Bytes', () => {
  it('rounds any float32 to the nearest float16, ties to even', () => {
    const anyBits = fc.integer({ min: 0, max: 0xffffffff }).map(from32);
    const inRange = fc.double({ min: -70_000, max: 70_000, noNaN: true }).map(Math.fround);
    // Exactly between two neighbours, and a hair beside.
    const ties = fc
      .tuple(fc.integer({ min: 0, max: 0x7bff }), fc.constantFrom(-1, 0, 1), fc.boolean())
      .map(([below, hair, negative]) => {
        const middle = Number(exact16(below) + exact16(below + 1)) / 2 ** 150;
        return (negative ? -1 : 1) * from32(bits32(middle) + hair);
      });
    fc.assert(
      fc.property(
        fc.oneof(anyBits, inRange, ties).filter((x) => !Number.isNaN(x)),
        (x) => bits16(x) === nearest(x),
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [LARGEST_FLOAT16, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -25, 1],
    [3 * 2 ** -25, 2],
    [-(2 ** -14), 0x8400],
  ])('writes %f as 0x%x', (x, bits) => {
    expect(bits16(x)).toBe(bits);
  });

  it('keeps what is no number', () => {
    const bits = bits16(Number.NaN);
    expect([bits & 0x7c00, (bits & 0x3ff) > 0]).toEqual([0x7c00, true]);
  });
});
