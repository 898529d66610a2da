import { describe, expect, it } from 'vitest';
import { distributionOf, draw } from './distribution.ts';

const all = { temperature: 1, topK: 0, topP: 1 };

describe('the distribution that is sampled', () => {
  it('keeps the smallest set whose probability reaches top-p', () => {
    // Four tokens of 1/4 each.
    const logits = new Float32Array(4);
    const supportOf = (topP: number) => distributionOf(logits, { ...all, topP }).support?.length ?? 4;
    expect([0.2, 0.25, 0.3, 0.5, 0.75, 1].map(supportOf)).toEqual([1, 1, 2, 2, 3, 4]);
  });

  it('has the log-probabilities and the entropy of its temperature', () => {
    // Logits 2 and 0 at temperature 2: p = 1 / (1 + 1/e).
    const distribution = distributionOf(Float32Array.of(2, 0), { ...all, temperature: 2 });
    const p = 1 / (1 + Math.exp(-1));
    const entropy = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    expect(draw(distribution, 0)).toEqual({
      token: 0,
      logprob: expect.closeTo(Math.log(p), 12),
      entropy: expect.closeTo(entropy, 12),
    });
    expect(draw(distribution, 0.99)).toMatchObject({ token: 1, logprob: expect.closeTo(Math.log(1 - p), 12) });
  });

  it('is certain at temperature 0, with log-probability 0', () => {
    const distribution = distributionOf(Float32Array.of(1, 3, 2), { ...all, temperature: 0 });
    expect(draw(distribution, 0.999)).toEqual({ token: 1, logprob: 0, entropy: 0 });
  });
});
