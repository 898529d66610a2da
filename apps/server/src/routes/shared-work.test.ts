import { describe, expect, it } from 'vitest';
import { sharedWork } from './shared-work.ts';

describe('work that is shared', () => {
  it('runs once at a time, and for no request that came after it began', async () => {
    let begun = 0;
    let under = 0;
    const call = sharedWork(async () => {
      const run = ++begun;
      expect(++under).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      under--;
      return run;
    });
    const first = call();
    const rest = [call(), call(), call()];
    expect(await first).toBe(1);
    expect(await Promise.all(rest)).toEqual([2, 2, 2]);
    expect(await call()).toBe(3);
  });

  it('goes on after a run that failed', async () => {
    let begun = 0;
    const call = sharedWork(async () => {
      if (++begun === 1) throw new Error('no');
      return begun;
    });
    const [first, second] = [call(), call()];
    await expect(first).rejects.toThrow('no');
    expect(await second).toBe(2);
    expect(await call()).toBe(3);
  });
});
