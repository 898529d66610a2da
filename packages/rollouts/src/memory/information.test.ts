import { stream } from '@ludic/random';
import { describe, expect, it } from 'vitest';
import { mutualInformation } from './information.ts';

const CELLS = 16;
const PAIRS = 20_000;

/** Pairs of a note and a fact, the fact one of 16. */
function pairs(note: (fact: number, random: ReturnType<typeof stream>) => number, count = PAIRS) {
  const random = stream(5, 'pairs');
  return Array.from({ length: count }, (): [string, string] => {
    const fact = random.nextInt(CELLS);
    return [`note ${note(fact, random)}`, `fact ${fact}`];
  });
}

describe('mutual information', () => {
  it('has the value of a table worked by hand', () => {
    // A fair coin told rightly 3 times of 4, 8 pairs: 1 - H(1/4) = 0.18872 bits, and (2 + 2 - 4 - 1) / 16 nats less.
    const table = [
      ...Array.from({ length: 3 }, () => ['x', 'x']),
      ['x', 'y'],
      ...Array.from({ length: 3 }, () => ['y', 'y']),
      ['y', 'x'],
    ] as [string, string][];
    const { information, entropy } = mutualInformation(table);
    expect(entropy).toBeCloseTo(1 + 1 / 16 / Math.LN2, 10);
    expect(information).toBeCloseTo(0.188721876 - 1 / 16 / Math.LN2, 8);
  });

  it('of notes that are always right is all that there is to tell', () => {
    const { information, entropy } = mutualInformation(pairs((fact) => fact));
    expect(information).toBe(entropy);
    expect(information).toBeCloseTo(4, 2);
  });

  it('of notes that have nothing to do with the fact is 0 within its error', () => {
    const { information } = mutualInformation(pairs((_, random) => random.nextInt(CELLS)));
    // Without the correction it would be 225 / (2 · 20,000) nats, 0.008 bits.
    expect(information).toBeLessThan(0.002);
    expect(mutualInformation(pairs(() => 0)).information).toBeCloseTo(0, 12);
  });

  it('of notes that are right with a known probability is that of the closed form', () => {
    const right = 0.7;
    const wrong = (fact: number, random: ReturnType<typeof stream>) => (fact + 1 + random.nextInt(CELLS - 1)) % CELLS;
    const { information } = mutualInformation(
      pairs((fact, random) => (random.nextFloat() < right ? fact : wrong(fact, random))),
    );
    const exact = 4 + right * Math.log2(right) + (1 - right) * Math.log2((1 - right) / (CELLS - 1));
    expect(Math.abs(information - exact)).toBeLessThan(0.03);
  });

  it('of no pairs is nothing', () => {
    expect(mutualInformation([])).toEqual({ information: 0, entropy: 0 });
  });
});
