// Rows of one run are padded to its longest: long ones are fed apart where that saves much.

import { describe, expect, it } from 'vitest';
import { runsByLength } from './packed-tokens.ts';

describe('runs by length', () => {
  it('feeds few long rows apart from many short ones, each in the order given', () => {
    const lengths = Array.from({ length: 64 }, (_, i) => (i === 7 || i === 30 ? 34 : 10));
    const short = [...lengths.keys()].filter((i) => lengths[i] === 10);
    expect(runsByLength(lengths)).toEqual([[7, 30], short]);
  });

  it('feeds together what a run of its own would save little for', () => {
    for (const lengths of [[5], [1, 1, 1], [40, 3, 3], Array.from({ length: 64 }, (_, i) => 20 + (i % 5))])
      expect(runsByLength(lengths)).toEqual([[...lengths.keys()]]);
  });
});
