// Cutting an update and putting it together again.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSettings, DEFAULT_TRAINING } from '../index.ts';
import { cutIntoShards } from './shards.ts';

describe('cutting a batch into shards', () => {
  it('gives every group to one shard, in order, evenly', () => {
    const sizes = fc
      .integer({ min: 1, max: 200 })
      .chain((groups) => fc.tuple(fc.constant(groups), fc.integer({ min: 1, max: groups })));
    fc.assert(
      fc.property(sizes, ([groups, count]) => {
        const shards = cutIntoShards(groups, count);
        expect(shards.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, i) => i));
        const all = shards.flatMap((shard) => Array.from({ length: shard.groups }, (_, i) => shard.firstGroup + i));
        expect(all).toEqual(Array.from({ length: groups }, (_, i) => i));
        const counts = shards.map((shard) => shard.groups);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(Math.min(...counts)).toBeGreaterThan(0);
      }),
    );
  });

  it('refuses more shards than groups', () => {
    const settings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe', batchSize: 64, groupSize: 8 };
    expect(() => checkSettings({ ...settings, shards: 8 })).not.toThrow();
    expect(() => checkSettings({ ...settings, shards: 9 })).toThrow(/shards is 9; it must be at most 8, the groups/);
    expect(() => checkSettings({ ...settings, shards: 0 })).toThrow(/shards is 0/);
  });
});
