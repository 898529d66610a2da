import { stream } from '@ludic/random';
import type { Episode } from '@ludic/rollouts';
import { describe, expect, it } from 'vitest';
import { episodeOf } from '../../testing/episodes.ts';
import { estimateAdvantages } from './estimators.ts';

/** An episode with the given rewards, its turns after the given prompts. */
const episode = (
  rewards: readonly number[],
  prompts: readonly Int32Array[],
  endReason?: Episode['endReason'],
): Episode =>
  episodeOf(
    rewards.map((reward, t) => ({ reward, prompt: prompts[t]! })),
    endReason,
  );
const [a, b, c] = [Int32Array.of(1), Int32Array.of(2), Int32Array.of(3)];

describe('estimateAdvantages', () => {
  it('gives every turn the advantage of its episode', () => {
    const { advantages } = estimateAdvantages([episode([0, 1], [a, b]), episode([0], [a])], [0, 0], {
      advantageEstimator: 'episode',
      scaleRewards: 'none',
      discount: 1,
      gaeLambda: 1,
      noteReward: 0,
    });
    expect(advantages.map((turns) => [...turns])).toEqual([[0.5, 0.5], [-0.5]]);
  });

  it('compares a turn with all turns that saw its prompt', () => {
    const episodes = [episode([0, 1], [a, b]), episode([0, -1], [a, b]), episode([0, 1], [a, c])];
    const { advantages } = estimateAdvantages(episodes, [0, 0, 0], {
      advantageEstimator: 'turn',
      scaleRewards: 'none',
      discount: 1,
      gaeLambda: 1,
      noteReward: 0,
    });
    // Group mean 1/3 at both turns. Prompt a: returns 1, −1, 1, baseline (1 + 1/3)/4 = 1/3. b: 1, −1, (0 + 1/3)/3 = 1/9.
    // c: (1 + 1/3)/2 = 2/3.
    const expected = [
      [2 / 3, 8 / 9],
      [-4 / 3, -10 / 9],
      [2 / 3, 1 / 3],
    ];
    for (const [i, turns] of expected.entries())
      for (const [t, value] of turns.entries()) expect(advantages[i]![t]).toBeCloseTo(value, 12);
  });

  it('compares a turn with those of its group alone where asked', () => {
    const episodes = [episode([1], [a]), episode([0], [a]), episode([-1], [a]), episode([-3], [a])];
    const { advantages } = estimateAdvantages(episodes, [0, 0, 1, 1], {
      advantageEstimator: 'group_turn',
      scaleRewards: 'none',
      discount: 1,
      gaeLambda: 1,
      noteReward: 0,
    });
    expect(advantages.map((turns) => turns[0])).toEqual([0.5, -0.5, 1, -1]);
  });

  it('averages the rest of the game over all that came to the next prompt', () => {
    const episodes = [episode([0, 1], [a, c]), episode([0, -1], [b, c]), episode([0, 1], [a, c]), episode([0.5], [a])];
    const { advantages } = estimateAdvantages(episodes, [0, 0, 0, 0], {
      advantageEstimator: 'td',
      scaleRewards: 'none',
      discount: 1,
      gaeLambda: 1,
      noteReward: 0,
    });
    // c is worth (1 − 1 + 1)/3 = 1/3 to all that come to it. a: 1/3, 1/3, 0.5; b: 1/3. The group's mean of these is 0.375 at
    // the first turn, and (1 − 1 + 1)/3 at the second.
    const baseline = (1 / 3 + 1 / 3 + 0.5 + 0.375) / 4;
    const firsts = [1 / 3 - baseline, 1 / 3 - (1 / 3 + 0.375) / 2, 1 / 3 - baseline, 0.5 - baseline];
    for (const [i, value] of firsts.entries()) expect(advantages[i]![0]).toBeCloseTo(value, 12);
    expect(advantages[1]![1]).toBeCloseTo(-1 - (1 + 1 / 3) / 4, 12);
  });

  it('discounts later rewards', () => {
    const { advantages } = estimateAdvantages([episode([0, 1], [a, b]), episode([0, 0], [a, b])], [0, 0], {
      advantageEstimator: 'turn',
      scaleRewards: 'none',
      discount: 0.5,
      gaeLambda: 1,
      noteReward: 0,
    });
    // Returns at a: 0.5 and 0; group mean 0.25 = baseline.
    expect(advantages[0]![0]).toBeCloseTo(0.25, 12);
  });

  it('pays once for each fact that the scratchpad says truly', () => {
    const prompts = Array.from({ length: 5 }, (_, t) => Int32Array.of(t));
    const plain = episode([0, 0, 0, 0, 1], prompts);
    const counts = [0, 1, 0, 1, 2];
    const noted = { ...plain, turns: plain.turns.map((turn, t) => ({ ...turn, trueNotes: counts[t]! })) };
    const settings = { advantageEstimator: 'turn', scaleRewards: 'none', discount: 1, gaeLambda: 1 } as const;
    const [paid] = estimateAdvantages([noted, plain], [0, 0], { ...settings, noteReward: 0.2 }).advantages;
    const [unpaid] = estimateAdvantages([noted, plain], [0, 0], { ...settings, noteReward: 0 }).advantages;
    // The first fact is paid to turn 0, the second to turn 3; half of each advantage is the baseline's.
    for (const [t, more] of [0.4, 0.2, 0.2, 0.2, 0].entries())
      expect(paid![t]! - unpaid![t]!).toBeCloseTo(more / 2, 12);
  });

  it('charges for lines of notes, and more for lines that say nothing true', () => {
    const prompts = Array.from({ length: 4 }, (_, t) => Int32Array.of(t));
    const plain = episode([0, 0, 0, 1], prompts);
    const pad = (lines: string) => `<scratchpad>\n${lines}\n</scratchpad><action>up</action>`;
    const replies = [pad('true'), pad('true\nfalse'), 'up', pad('never shown')];
    const counts = [0, 1, 1, 1];
    const turns = plain.turns.map((turn, t) => ({
      ...turn,
      trueNotes: counts[t]!,
      reply: { ...turn.reply, text: replies[t]! },
    }));
    const settings = { advantageEstimator: 'turn', scaleRewards: 'none', discount: 0, gaeLambda: 1 } as const;
    const noted = { ...plain, turns };
    const [paid] = estimateAdvantages([noted, plain], [0, 0], { ...settings, noteReward: 1 }).advantages;
    const [unpaid] = estimateAdvantages([noted, plain], [0, 0], { ...settings, noteReward: 0 }).advantages;
    for (const [t, more] of [1 - 0.1, -0.2 - 0.25, 0, -0.1].entries())
      expect(paid![t]! - unpaid![t]!).toBeCloseTo(more / 2, 12);
  });

  describe('in long episodes whose prompts are all different, as notes and conversations make them', () => {
    // As in KeyDoor: a small price each turn, and 1 at the end of those that find the door.
    const random = stream(5);
    const batch = Array.from({ length: 64 }, () => {
      const found = random.nextFloat() < 0.3;
      const turns = found ? 5 + random.nextInt(40) : 50;
      const rewards = Array.from({ length: turns }, (_, t) => (found && t === turns - 1 ? 1 : -0.02));
      return episode(
        rewards,
        rewards.map((_, t) => Int32Array.of(t)),
      );
    });
    const groups = batch.map((_, i) => Math.floor(i / 16));
    it.each(['turn', 'group_turn', 'td'] as const)(
      '%s pushes late turns no more than early ones',
      (advantageEstimator) => {
        const { advantages } = estimateAdvantages(batch, groups, {
          advantageEstimator,
          scaleRewards: 'batch',
          discount: 1,
          gaeLambda: 1,
          noteReward: 0,
        });
        for (const [from, to] of [
          [0, 10],
          [10, 26],
          [26, 50],
        ]) {
          const values = advantages.flatMap((turns) => [...turns.slice(from, to)]);
          expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(0.02);
        }
      },
    );
  });

  it.each(['turn', 'group_turn', 'td'] as const)(
    '%s divides by the deviation that scale_rewards names',
    (advantageEstimator) => {
      // The second group's rewards are ten times the first's.
      const rewards = [1, 0, -1, 10, 0, -10];
      const episodes = rewards.map((reward) => episode([reward], [Int32Array.of(reward)]));
      const advantagesWith = (scaleRewards: 'group' | 'batch' | 'none') =>
        estimateAdvantages(episodes, [0, 0, 0, 1, 1, 1], {
          advantageEstimator,
          scaleRewards,
          discount: 1,
          gaeLambda: 1,
          noteReward: 0,
        }).advantages.map(([a]) => a!);
      const plain = advantagesWith('none');
      const meanSquare = (values: readonly number[]) => values.reduce((sum, x) => sum + x * x, 0) / values.length;
      const [batch, group] = [advantagesWith('batch'), advantagesWith('group')];
      expect(batch[3]! / batch[0]!).toBeCloseTo(plain[3]! / plain[0]!, 9);
      expect(meanSquare(batch)).toBeCloseTo(1, 3);
      expect(meanSquare(group.slice(0, 3))).toBeCloseTo(1, 2);
      expect(meanSquare(group.slice(3))).toBeCloseTo(1, 3);
    },
  );

  it('leaves an episode that could not be scored out of every baseline', () => {
    const episodes = [episode([1], [a]), episode([0], [a]), episode([-9], [a], 'failed')];
    for (const advantageEstimator of ['episode', 'turn', 'td'] as const) {
      const { advantages } = estimateAdvantages(episodes, [0, 0, 0], {
        advantageEstimator,
        scaleRewards: 'none',
        discount: 1,
        gaeLambda: 1,
        noteReward: 0,
      });
      expect(advantages.map((turns) => turns[0])).toEqual([0.5, -0.5, 0]);
    }
  });
});
