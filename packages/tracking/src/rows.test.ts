import { describe, expect, it } from 'vitest';
import { RowAssembler } from './rows.ts';
import { scalarsOf } from './scalars.ts';

const rate = (value: number) => ({ rate: value, interval: { low: 0, high: 1 } });

describe('scalars', () => {
  it('keep apart what an evaluation measured and what was sampled beside it', () => {
    const line = { type: 'evaluation', step: 4, meanReward: -0.25, sampled: { temperature: 1, meanReward: 0.5 } };
    expect(scalarsOf(line)).toEqual({
      'eval/mean_reward': -0.25,
      'eval/sampled_temperature': 1,
      'eval/sampled_mean_reward': 0.5,
    });
  });
  it('of a step are grouped under train', () => {
    const line = { type: 'step', step: 3, reward: 0.5, invalidRate: 0, meanKl: null, note: 'x', tokensPerSecond: 12 };
    expect(scalarsOf(line)).toEqual({ 'train/reward': 0.5, 'train/invalid_rate': 0, 'train/tokens_per_second': 12 });
  });

  it('of an evaluation are grouped under eval, rates without their intervals', () => {
    const line = {
      type: 'evaluation',
      step: 3,
      success: rate(0.25),
      meanReward: 0.1,
      meanRewardInterval: [0, 1],
      invalidEpisodes: rate(0.5),
      outcomes: { win: rate(0.5), draw: rate(0.2), loss: rate(0.3) },
      best: true,
    };
    expect(scalarsOf(line)).toEqual({
      'eval/success_rate': 0.25,
      'eval/mean_reward': 0.1,
      'eval/invalid_episodes_rate': 0.5,
      'eval/win_rate': 0.5,
      'eval/draw_rate': 0.2,
      'eval/loss_rate': 0.3,
    });
  });

  it.each([[{ type: 'other', reward: 1 }], [{ reward: 1 }], [{ type: 'toString', reward: 1 }]])(
    'of %j there are none',
    (line) => {
      expect(scalarsOf(line)).toEqual({});
    },
  );
});

describe('rows', () => {
  const step = (n: number) => JSON.stringify({ type: 'step', step: n, reward: n, seconds: 2 });
  const evaluation = (n: number) => JSON.stringify({ type: 'evaluation', step: n, meanReward: n, seconds: 5 });

  it('are whole when another step follows, or none ever will', () => {
    const rows = new RowAssembler();
    expect(rows.take(step(1))).toBeUndefined();
    const first = { 'train/reward': 1, 'train/seconds': 2 };
    expect(rows.take(step(2))).toEqual({ index: 0, step: 1, runtime: 2, values: first });
    expect(rows.take(evaluation(2))).toBeUndefined();
    expect(rows.close()).toEqual({
      index: 1,
      step: 2,
      runtime: 9,
      values: { 'train/reward': 2, 'train/seconds': 2, 'eval/mean_reward': 2, 'eval/seconds': 5 },
    });
    expect(rows.close()).toBeUndefined();
  });

  it.each(['', '{', '[]', 'null', '7', '{"type":"step"}', '{"type":"step","step":"4","reward":1}'])(
    'are not made of the line %j',
    (line) => {
      const rows = new RowAssembler();
      rows.take(step(1));
      expect(rows.take(line)).toBeUndefined();
      expect(rows.close()).toMatchObject({ index: 0, step: 1, runtime: 2 });
    },
  );
});
