import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MetricsFollower } from './follower.ts';

let run = '';
let file = '';
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), 'ludic-follower-'));
  file = join(run, 'metrics.jsonl');
});
afterAll(() => rm(run, { recursive: true, force: true }));

const line = (step: number, note = '') => `${JSON.stringify({ type: 'step', step, mean_reward: step, note })}\n`;
const stepsOf = async (follower: MetricsFollower, limit: number, ended: boolean) =>
  (await follower.next(limit, ended)).map(({ step }) => step);

describe('the follower of metrics.jsonl', () => {
  it('waits for a file that is not there yet', async () => {
    await rm(file, { force: true });
    expect(await new MetricsFollower(run).next(10, true)).toEqual([]);
  });

  it('finds every row once, wherever writing pauses and whatever is asked for', async () => {
    const notes = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(notes, fc.array(fc.nat(400)), fc.integer({ min: 1, max: 4 }), async (texts, pauses, limit) => {
        const bytes = Buffer.from(texts.map((note, i) => line(i + 1, note)).join(''));
        await writeFile(file, '');
        const follower = new MetricsFollower(run);
        const found: number[] = [];
        let written = 0;
        for (const pause of [...pauses, bytes.length]) {
          await appendFile(file, bytes.subarray(written, written + pause));
          written += pause;
          found.push(...(await stepsOf(follower, limit, false)));
        }
        for (;;) {
          const rest = await stepsOf(follower, limit, true);
          expect(rest.length).toBeLessThanOrEqual(limit);
          if (rest.length === 0) break;
          found.push(...rest);
        }
        expect(found).toEqual(texts.map((_, i) => i + 1));
      }),
      { numRuns: 60 },
    );
  });

  it('reads lines that are longer than a piece', async () => {
    await writeFile(file, line(1, 'x'.repeat(300_000)) + line(2));
    expect(await stepsOf(new MetricsFollower(run), 9, true)).toEqual([1, 2]);
  });

  it('begins again where the file is cut back', async () => {
    await writeFile(file, [1, 2, 3, 4].map((step) => line(step)).join(''));
    const follower = new MetricsFollower(run);
    expect(await stepsOf(follower, 9, false)).toEqual([1, 2, 3]);
    await truncate(file, line(1).length);
    await appendFile(file, line(2));
    const rows = await follower.next(9, true);
    expect(rows.map(({ index, step }) => [index, step])).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});
