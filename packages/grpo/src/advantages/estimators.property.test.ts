// What credit promises for any batch: groups of any size, games of any length, failed ones, prompts that are shared or not.

import type { Episode } from '@ludic/rollouts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { episodeOf } from '../../testing/episodes.ts';
import { SCALE_REWARDS, type ScaleRewards } from '../settings/loss-settings.ts';
import { ADVANTAGE_ESTIMATORS } from './estimator-names.ts';
import { type AdvantageSettings, estimateAdvantages } from './estimators.ts';
import { groupAdvantages } from './group-advantages.ts';

/** A turn: its reward, and which of the prompts of its turn it saw; 3 stands for a prompt of its own. */
type DrawnTurn = readonly [reward: number, prompt: number];
interface Drawn {
  readonly turns: readonly DrawnTurn[];
  readonly failed: boolean;
}
interface Batch {
  readonly episodes: readonly Episode[];
  readonly groups: readonly number[];
}

const PROMPTS = Array.from({ length: 5 }, (_, t) => Array.from({ length: 3 }, (_, p) => Int32Array.of(t, p)));

function batchOf(drawn: readonly (readonly Drawn[])[], reward: (r: number, isLast: boolean) => number = (r) => r) {
  const episodes = drawn.flat().map(({ turns: all, failed }, i): Episode => {
    const turns = all.map(([r, p], t) => ({
      prompt: PROMPTS[t]![p] ?? Int32Array.of(t, p, i),
      reward: reward(r, t === all.length - 1),
      situation: `${t} ${p % 2}`,
    }));
    return episodeOf(turns, failed ? 'failed' : turns.length > 0 ? 'terminated' : 'context_full');
  });
  return { episodes, groups: drawn.flatMap((members, g) => members.map(() => g)) };
}

const anyReward = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -10, max: 10, noNaN: true }));
const games = (reward: fc.Arbitrary<number>, least = 0) =>
  fc.array(
    fc.array(
      fc.record({
        turns: fc.array(fc.tuple(reward, fc.integer({ min: 0, max: 3 })), { minLength: least, maxLength: 5 }),
        failed: fc.boolean().map((odd) => odd && least === 0),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { minLength: 1, maxLength: 4 },
  );
const anyEstimator = fc.constantFrom(...ADVANTAGE_ESTIMATORS);
const anyScale = fc.constantFrom(...SCALE_REWARDS);
const anyDiscount = fc.constantFrom(1, 0.95, 0.5);

const advantagesOf = ({ episodes, groups }: Batch, settings: Omit<AdvantageSettings, 'gaeLambda' | 'noteReward'>) =>
  estimateAdvantages(episodes, groups, { gaeLambda: 0.7, noteReward: 0, ...settings });
const plain = { scaleRewards: 'none', discount: 1 } as const;
const size = (numbers: readonly number[]) => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
const rewardsOf = ({ episodes }: Batch) => episodes.flatMap(({ turns }) => turns.map((turn) => turn.reward));

describe('credit, for any batch', () => {
  it('is a number for every turn, and 0 in games that failed', () => {
    const extreme = fc.oneof(anyReward, fc.constantFrom(0, -0, 5e-324, 1e-200, 1e100, -1e100));
    fc.assert(
      fc.property(
        games(extreme),
        anyEstimator,
        anyScale,
        anyDiscount,
        (drawn, advantageEstimator, scaleRewards, discount) => {
          const batch = batchOf(drawn);
          const { advantages, zeroVarianceGroups } = advantagesOf(batch, {
            advantageEstimator,
            scaleRewards,
            discount,
          });
          expect(zeroVarianceGroups >= 0 && zeroVarianceGroups <= 1).toBe(true);
          for (const [i, { turns, endReason }] of batch.episodes.entries()) {
            expect(advantages[i]).toHaveLength(turns.length);
            expect(advantages[i]!.every((a) => Number.isFinite(a) && (endReason !== 'failed' || a === 0))).toBe(true);
          }
        },
      ),
    );
  });

  it('has mean 0 in each group where the whole episode gets it', () => {
    const rewards = fc.array(
      fc.array(fc.option(anyReward, { nil: undefined, freq: 4 }), { minLength: 1, maxLength: 8 }),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(rewards, anyScale, (drawn, scale) => {
        const groups = drawn.flatMap((members, g) => members.map(() => g));
        const { values } = groupAdvantages(drawn.flat(), groups, scale);
        for (const g of drawn.keys()) {
          const own = [...values].filter((_, i) => groups[i] === g);
          expect(Math.abs(own.reduce((a, b) => a + b, 0))).toBeLessThan(1e-9 * size(own));
        }
      }),
    );
  });

  it.each([
    ['turn', false],
    ['td', false],
    ['group_turn', true],
  ] as const)('%s compares turns with the same turn of others: nothing is left over', (advantageEstimator, byGroup) => {
    fc.assert(
      fc.property(games(anyReward), anyDiscount, (drawn, discount) => {
        const batch = batchOf(drawn);
        const { episodes, groups } = batch;
        const { advantages } = advantagesOf(batch, { ...plain, advantageEstimator, discount });
        const visits = episodes.flatMap(({ turns, endReason }, i) =>
          endReason === 'failed'
            ? []
            : turns.map(({ reply }, t) => ({
                scope: `${t} ${byGroup ? groups[i] : 0}`,
                prompt: reply.tokens!.prompt,
                advantage: advantages[i]![t]!,
              })),
        );
        const left = new Map<string, number>();
        for (const { scope, prompt, advantage } of visits) {
          // With its pseudo-visit a prompt seen by n has a baseline over n + 1.
          const seen = visits.filter((other) => other.scope === scope && other.prompt === prompt).length;
          left.set(scope, (left.get(scope) ?? 0) + (seen + 1) * advantage);
        }
        for (const sum of left.values()) expect(Math.abs(sum)).toBeLessThan(1e-9 * size(rewardsOf(batch)));
      }),
    );
  });

  it('does not ask who comes first', () => {
    fc.assert(
      fc.property(
        games(anyReward),
        anyEstimator,
        anyScale,
        fc.infiniteStream(fc.nat()),
        (drawn, advantageEstimator, scale, keys) => {
          const { episodes, groups } = batchOf(drawn);
          const settings = { advantageEstimator, scaleRewards: scale, discount: 0.95 };
          const order = [...episodes.keys()].map((i) => [i, keys.next().value!] as const);
          const shuffled = order.sort((a, b) => a[1] - b[1]).map(([i]) => i);
          const before = advantagesOf({ episodes, groups }, settings).advantages;
          const mixed = { episodes: shuffled.map((i) => episodes[i]!), groups: shuffled.map((i) => groups[i]!) };
          const after = advantagesOf(mixed, settings).advantages;
          for (const [at, i] of shuffled.entries())
            for (const [t, value] of before[i]!.entries())
              expect(Math.abs(after[at]![t]! - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)));
        },
      ),
    );
  });

  it('does not ask in which unit rewards are, where they are divided by their deviation', () => {
    fc.assert(
      fc.property(
        games(fc.integer({ min: -3, max: 3 })),
        anyEstimator,
        fc.constantFrom<ScaleRewards>('group', 'batch'),
        fc.constantFrom(1e-2, 10, 1e4),
        (drawn, advantageEstimator, scaleRewards, unit) => {
          const settings = { advantageEstimator, scaleRewards, discount: 1 };
          const raw = advantagesOf(batchOf(drawn), { ...settings, scaleRewards: 'none' }).advantages;
          const one = advantagesOf(batchOf(drawn), settings).advantages;
          const other = advantagesOf(
            batchOf(drawn, (r) => unit * r),
            settings,
          ).advantages;
          for (const [i, turns] of one.entries())
            for (const [t, value] of turns.entries()) {
              // The deviation follows from what was divided by it and 1e-4.
              const deviation = Math.abs(raw[i]![t]!) < 1e-9 ? 1 : raw[i]![t]! / value - 1e-4;
              const allowed = (1.01e-4 * Math.max(1, 1 / unit)) / deviation;
              expect(Math.abs(other[i]![t]! - value)).toBeLessThanOrEqual(allowed * Math.abs(value) + 1e-9);
            }
        },
      ),
    );
  });

  it('does not change when every game pays the same more at its end', () => {
    fc.assert(
      fc.property(games(anyReward, 1), anyEstimator, anyScale, (drawn, advantageEstimator, scaleRewards) => {
        const settings = { advantageEstimator, scaleRewards, discount: 1 };
        const before = advantagesOf(batchOf(drawn), settings).advantages;
        const after = advantagesOf(
          batchOf(drawn, (r, isLast) => (isLast ? r + 8 : r)),
          settings,
        ).advantages;
        // What rounding leaves of equal rewards may be divided by as little as 1e-4.
        for (const [i, turns] of before.entries())
          for (const [t, value] of turns.entries())
            expect(Math.abs(after[i]![t]! - value)).toBeLessThan(1e-7 * Math.max(1, Math.abs(value)));
      }),
    );
  });
});
