import { describe, expect, it } from 'vitest';
import { DEFAULT_LOSS } from '../settings/loss-settings.ts';
import { isDisagreement, lossMetrics } from './loss-metrics.ts';

describe('lossMetrics', () => {
  it('tells a token that rounds badly from a sampler and a trainer that disagree', () => {
    const oldLogprobs = new Array<number>(4000).fill(-1);
    const batch = (logprobs: readonly number[]) =>
      lossMetrics(DEFAULT_LOSS, {
        logprobs,
        oldLogprobs,
        referenceLogprobs: oldLogprobs,
        advantages: oldLogprobs,
        sequenceOf: oldLogprobs.map(() => 0),
        sequences: 1,
      });
    const stray = batch([-1.0002, ...oldLogprobs.slice(1)]);
    expect(stray.max_log_ratio).toBeCloseTo(2e-4, 10);
    expect(stray.disagreement).toBe(1 / 4000);
    expect(isDisagreement(stray, 'float32')).toBe(false);
    const farOff = batch([-1.02, ...oldLogprobs.slice(1)]);
    expect(isDisagreement(farOff, 'float32')).toBe(true);
    const many = batch(oldLogprobs.map((value, i) => value + (i % 4 === 0 ? 0.001 : 0)));
    expect(many.disagreement).toBe(0.25);
    expect(isDisagreement(many, 'float32')).toBe(true);
  });
});
