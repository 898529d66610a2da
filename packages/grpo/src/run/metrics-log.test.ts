// Lines of metrics.jsonl are read the same whenever they were written. The fixture was written by a run of two steps
// before the keys were what they are now.

import { readFileSync } from 'node:fs';
import { EVALUATION_METRICS } from '@ludic/rollouts';
import { describe, expect, it } from 'vitest';
import { LOGGED_STEP_METRICS } from '../trainer/step-metrics.ts';
import { SAMPLED_METRICS } from './evaluation-score.ts';
import { currentEvaluation, evaluationOf, type LogLine, readLogLine } from './metrics-log.ts';

const TEXTS = readFileSync(new URL('../../fixtures/metrics-camel-case.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const lines = TEXTS.map((text) => readLogLine(text)!);

describe('a line that was written with other keys', () => {
  it('of a step has the keys of the table, and its numbers', () => {
    const step = lines.find((line) => line.type === 'step' && line.step === 2)!;
    const { type: _, ...metrics } = step;
    const absent = ['first_failure', 'sampler_mismatch', 'truncated_weights'];
    expect(Object.keys(metrics).sort()).toEqual(
      Object.keys(LOGGED_STEP_METRICS)
        .filter((key) => !absent.includes(key))
        .sort(),
    );
    expect(metrics).toMatchObject({
      mean_reward: 0.15000000000000002,
      success_rate: 0.5625,
      mean_steps: 4.25,
      max_log_ratio: 0.0000016689300537109375,
      tokens_per_second: 431.52014286941505,
    });
  });

  it('of an evaluation has the keys of the tables, and its numbers', () => {
    const evaluation = lines.find((line) => line.type === 'evaluation')!;
    const known = [
      'type',
      'step',
      'temperature',
      'best',
      'seconds',
      ...Object.keys(EVALUATION_METRICS),
      ...Object.keys(SAMPLED_METRICS),
    ];
    expect(Object.keys(evaluation).sort()).toEqual(known.filter((key) => key !== 'first_failure').sort());
    expect(evaluation).toMatchObject({
      total_episodes: 10,
      success_rate: 0.6,
      success_ci95: [0.31267376973365824, 0.8318196702937638],
      mean_reward: 0.19,
      mean_reward_ci95: [-0.52, 0.8],
      win_rate: 0.6,
      loss_ci95: [0.05668215145437519, 0.5098375284633583],
      invalid_episode_rate: 0.1,
      sampled_temperature: 1,
      sampled_episodes: 16,
      sampled_success_rate: 0.5625,
      sampled_win_rate: 0.5625,
      sampled_mean_reward: 0.15000000000000002,
    });
  });

  it('of a warm start has them too', () => {
    expect(lines[0]).toMatchObject({ before: { replies: 92, invalid_rate: 0, cut_off_rate: 0 } });
  });
});

describe('a line with the keys of now', () => {
  it('is read as it is', () => {
    for (const line of lines) expect(readLogLine(JSON.stringify(line))).toEqual(line);
  });

  it('of an evaluation holds results that are left alone', () => {
    const results = { success_rate: 0.5, success_ci95: [0, 1], total_episodes: 3 };
    expect(currentEvaluation(results)).toEqual(results);
  });

  it('of an evaluation gives its results with those of notes, without what stands beside them', () => {
    const results = { success_rate: 0.5, notes_empty_rate: 0.1, notes_true_rate_door: 0.25 };
    const line = readLogLine(JSON.stringify({ type: 'evaluation', step: 3, best: true, seconds: 1, ...results }));
    expect(evaluationOf(line as Extract<LogLine, { type: 'evaluation' }>)).toEqual(results);
  });
});

it.each(['', '{', '[]', 'null', '7', '{"type":"step"}', '{"type":"other","step":1}', '{"type":"step","step":"4"}'])(
  'the line %j is none',
  (text) => {
    expect(readLogLine(text)).toBeUndefined();
  },
);
