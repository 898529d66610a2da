import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RowAssembler } from './rows.ts';
import { scalarsOf } from './scalars.ts';

describe('scalars', () => {
  it('keep apart what an evaluation measured and what was sampled beside it', () => {
    const line = { type: 'evaluation', step: 4, mean_reward: -0.25, sampled_temperature: 1, sampled_mean_reward: 0.5 };
    expect(scalarsOf(line)).toEqual({
      'eval/mean_reward': -0.25,
      'eval/sampled_temperature': 1,
      'eval/sampled_mean_reward': 0.5,
    });
  });
  it('of a step are grouped under train', () => {
    const line = {
      type: 'step',
      step: 3,
      mean_reward: 0.5,
      invalid_rate: 0,
      mean_kl: null,
      note: 'x',
      tokens_per_second: 12,
    };
    expect(scalarsOf(line)).toEqual({
      'train/mean_reward': 0.5,
      'train/invalid_rate': 0,
      'train/tokens_per_second': 12,
    });
  });

  it('of an evaluation are grouped under eval, without texts and intervals', () => {
    const line = {
      type: 'evaluation',
      step: 3,
      success_rate: 0.25,
      success_ci95: [0, 1],
      mean_reward: 0.1,
      invalid_episode_rate: 0.5,
      first_failure: 'boom',
      best: true,
    };
    expect(scalarsOf(line)).toEqual({
      'eval/success_rate': 0.25,
      'eval/mean_reward': 0.1,
      'eval/invalid_episode_rate': 0.5,
    });
  });

  it.each([[{ type: 'other', mean_reward: 1 }], [{ mean_reward: 1 }], [{ type: 'toString', mean_reward: 1 }]])(
    'of %j there are none',
    (line) => {
      expect(scalarsOf(line)).toEqual({});
    },
  );
});

describe('rows', () => {
  const step = (n: number) => JSON.stringify({ type: 'step', step: n, mean_reward: n, seconds: 2 });
  const evaluation = (n: number) => JSON.stringify({ type: 'evaluation', step: n, mean_reward: n, seconds: 5 });

  it('are whole when another step follows, or none ever will', () => {
    const rows = new RowAssembler();
    expect(rows.take(step(1))).toBeUndefined();
    const first = { 'train/mean_reward': 1, 'train/seconds': 2 };
    expect(rows.take(step(2))).toEqual({ index: 0, step: 1, runtime: 2, values: first });
    expect(rows.take(evaluation(2))).toBeUndefined();
    expect(rows.close()).toEqual({
      index: 1,
      step: 2,
      runtime: 9,
      values: { 'train/mean_reward': 2, 'train/seconds': 2, 'eval/mean_reward': 2, 'eval/seconds': 5 },
    });
    expect(rows.close()).toBeUndefined();
  });

  it('of a run of an earlier version have the names and numbers of now', () => {
    const fixture = new URL('../../grpo/fixtures/metrics-camel-case.jsonl', import.meta.url);
    const rows = new RowAssembler();
    const lines = readFileSync(fixture, 'utf8').split('\n');
    const taken = [...lines.map((line) => rows.take(line)), rows.close()].filter((row) => row !== undefined);
    expect(taken.map(({ index, step: n }) => [index, n])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(taken[0]!.values).toMatchObject({ 'train/mean_reward': -0.375, 'train/mean_steps': 3.4375 });
    expect(taken[1]!.values).toMatchObject({
      'train/mean_reward': 0.15000000000000002,
      'eval/total_episodes': 10,
      'eval/success_rate': 0.6,
      'eval/invalid_episode_rate': 0.1,
      'eval/sampled_mean_reward': 0.15000000000000002,
    });
    const names = taken.flatMap(({ values }) => Object.keys(values));
    expect(names.filter((name) => !/^(train|eval)\/[a-z0-9_]+$/.test(name))).toEqual([]);
  });

  it.each(['', '{', '[]', 'null', '7', '{"type":"step"}', '{"type":"step","step":"4","mean_reward":1}'])(
    'are not made of the line %j',
    (line) => {
      const rows = new RowAssembler();
      rows.take(step(1));
      expect(rows.take(line)).toBeUndefined();
      expect(rows.close()).toMatchObject({ index: 0, step: 1, runtime: 2 });
    },
  );
});
