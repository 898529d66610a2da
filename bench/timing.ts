// Medians of repeated runs.

/** Seconds of each of `runs` calls, after one call that warms up. */
export async function timed(runs: number, work: () => Promise<unknown>): Promise<number[]> {
  await work();
  const seconds: number[] = [];
  for (let i = 0; i < runs; i++) {
    const before = performance.now();
    await work();
    seconds.push((performance.now() - before) / 1000);
  }
  return seconds;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** @param share between 0 and 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
