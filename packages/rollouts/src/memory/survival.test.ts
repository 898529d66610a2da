import { describe, expect, it } from 'vitest';
import { type Spell, survival } from './survival.ts';

const spells = (...turns: readonly number[]): Spell[] =>
  turns.map((turn) => ({ turns: Math.abs(turn), ended: turn > 0 }));

describe('the survival of spells', () => {
  it('is the mean and the median where all are seen to end', () => {
    expect(survival(spells(1, 2, 3, 6, 8), 20)).toEqual({ mean: 4, median: 3 });
    expect(survival(spells(4, 4, 4), 20)).toEqual({ mean: 4, median: 4 });
  });

  it('counts those that were not seen to end for as long as they were watched', () => {
    // Of 4 one ends after turn 1; of the 2 that are watched at turn 3 one ends: shares 1, 3/4, 3/4, 3/8.
    const measured = survival(spells(1, -2, 3, -5), 5)!;
    expect(measured.mean).toBeCloseTo(1 + 3 / 4 + 3 / 4 + 3 / 8 + 3 / 8, 12);
    expect(measured.median).toBe(3);
  });

  it('is the horizon where none ends, and no more where all end later', () => {
    expect(survival(spells(-3, -1), 10)).toEqual({ mean: 10, median: 10 });
    expect(survival(spells(15, 30), 10)).toEqual({ mean: 10, median: 10 });
  });

  it('of nothing is nothing', () => {
    expect(survival([], 10)).toBeUndefined();
  });
});
