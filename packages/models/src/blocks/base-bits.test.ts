import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packedBlocks, quantized, restored } from './base-bits.ts';

const [OUT, IN] = [6, 64];
const matrices = fc
  .tuple(
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: OUT * IN, maxLength: OUT * IN }),
    fc.integer({ min: -20, max: 20 }),
  )
  .map(([numbers, power]) => Float32Array.from(numbers, (x) => x * 2 ** power));

describe.each([8, 4] as const)('weights of %d bits', (bits) => {
  it('are within a step of the numbers, and quantizing them again changes nothing', () => {
    fc.assert(
      fc.property(matrices, (numbers) => {
        const once = quantized(numbers, OUT, IN, bits);
        const values = restored(once, OUT, IN, bits);
        for (const [i, x] of numbers.entries()) {
          // Half a step; of four bits the side of the smaller numbers ends one step early, and a scale is rounded.
          const step = Math.abs(once.scales[Math.floor(i / 32)]!);
          expect(Math.abs(values[i]! - x)).toBeLessThanOrEqual((bits === 8 ? 0.57 : 1.01) * step + 2 ** -100);
        }
        expect(quantized(values, OUT, IN, bits)).toEqual(once);
      }),
      { numRuns: 300 },
    );
  });

  it('keep blocks of zeros', () => {
    const once = quantized(new Float32Array(OUT * IN), OUT, IN, bits);
    expect(restored(once, OUT, IN, bits).every((x) => x === 0)).toBe(true);
  });
});

it('lays four bits out in neighbours', () => {
  const numbers = Float32Array.from({ length: OUT * IN }, (_, i) => Math.sin(i));
  const own = quantized(numbers, OUT, IN, 4);
  const packed = packedBlocks(own.blocks, OUT, IN, 4);
  const nibbles = [...packed].flatMap((byte) => [byte & 15, byte >> 4]);
  const values = nibbles.map((q, i) => (q - 8) * own.scales[Math.floor(i / 32)]!);
  expect(values).toEqual([...restored(own, OUT, IN, 4)]);
});
