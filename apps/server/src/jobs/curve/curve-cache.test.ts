// What is kept of a curve never differs from what stands in its file.

import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVALUATION } from '../../../testing/evaluation-line.ts';
import { CurveCache, metricsJson } from './curve-cache.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-curves-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

let time = 0;
/** Steps `from` to `to`, every second evaluated. No line of a run takes as long as another. */
const linesOf = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i).flatMap((step) => [
    `${JSON.stringify({ type: 'step', step, mean_reward: 0, seconds: ++time / 7 })}\n`,
    ...(step % 2 ? [] : [`${JSON.stringify({ type: 'evaluation', step, ...EVALUATION, seconds: ++time / 7 })}\n`]),
  ]);

const answerOf = async (curves: CurveCache, path: string, after = 0) =>
  JSON.parse(Buffer.concat(metricsJson('a "job"', await curves.read(path, after))).toString());

const wholeLines = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).match(/.*\n/g) ?? [];

let number = 0;
const newPath = () => join(scratch, `${++number}.jsonl`);

describe('a curve that is kept', () => {
  it('is that of the file, however it was cut back and has grown between the questions', async () => {
    const turn = fc.record({
      keep: fc.nat(100),
      grow: fc.oneof(fc.nat(4), fc.nat(400)),
      half: fc.nat(40),
      after: fc.nat(120),
      isAsked: fc.boolean(),
    });
    // Cut back, and not shorter when it is asked for again.
    const question = { half: 0, after: 0, isAsked: true };
    const hiddenCut = [
      { ...question, keep: 0, grow: 10 },
      { ...question, keep: 5, grow: 20 },
    ];
    let hidden = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 8 }), async (turns) => {
        const path = newPath();
        const curves = new CurveCache();
        let reached = 0;
        let asked = 0;
        for (const { keep, grow, half, after, isAsked } of turns) {
          reached = Math.min(reached, keep);
          const kept = (await wholeLines(path)).filter((line) => JSON.parse(line).step <= reached).join('');
          // In place, as a resumed run does it.
          await appendFile(path, '');
          await truncate(path, kept.length);
          const next = linesOf(reached + 1, reached + grow);
          reached += grow;
          await appendFile(path, next.join('') + linesOf(reached + 1, reached + 1)[0]!.slice(0, half));
          if (!isAsked) continue;
          const whole = (await wholeLines(path)).join('').length;
          if (kept.length < asked && asked <= whole) hidden++;
          asked = whole;
          const answer = await answerOf(curves, path, after);
          expect(answer).toEqual(await answerOf(new CurveCache(), path, after));
          expect(answer.steps.every(({ step }: { step: number }) => step > after)).toBe(true);
        }
        const all = await answerOf(curves, path);
        const steps = (await wholeLines(path)).filter((line) => line.includes('"type":"step"'));
        expect(all.steps.map(({ seconds }: { seconds: number }) => seconds)).toEqual(
          steps.map((line) => JSON.parse(line).seconds),
        );
        expect(all.job_id).toBe('a "job"');
      }),
      { numRuns: 150, examples: [[hiddenCut]] },
    );
    expect(hidden).toBeGreaterThan(5);
  });

  it('is the same for all who ask at once, and for who asks while it grows', async () => {
    const path = newPath();
    const curves = new CurveCache();
    await writeFile(path, linesOf(1, 3000).join(''));
    const first = Promise.all([0, 10, 2990, 3000].map((after) => answerOf(curves, path, after)));
    await appendFile(path, linesOf(3001, 3002).join(''));
    const last = await answerOf(curves, path, 2999);
    expect((await first).slice(0, 3).map(({ steps }) => steps[0].step)).toEqual([1, 11, 2991]);
    expect(last.steps.map(({ step }: { step: number }) => step)).toEqual([3000, 3001, 3002]);
    expect(last.evaluations.map(({ step }: { step: number }) => step)).toEqual([3000, 3002]);
  });

  it('ends with its file', async () => {
    const path = newPath();
    const curves = new CurveCache();
    const empty = { job_id: 'a "job"', steps: [], evaluations: [] };
    expect(await answerOf(curves, path)).toEqual(empty);
    await writeFile(path, linesOf(1, 4).join(''));
    expect((await answerOf(curves, path)).steps).toHaveLength(4);
    await rm(path);
    expect(await answerOf(curves, path)).toEqual(empty);
    expect(curves.bytes).toBe(0);
  });

  it('leaves memory when others need it, and is read again', async () => {
    const curves = new CurveCache(40_000);
    const paths = Array.from({ length: 12 }, newPath);
    for (const path of paths) await writeFile(path, linesOf(1, 40).join(''));
    for (const path of [...paths, ...paths]) {
      expect((await answerOf(curves, path)).steps).toHaveLength(40);
      expect(curves.bytes).toBeLessThanOrEqual(40_000);
    }
    expect(curves.bytes).toBeGreaterThan(0);
    // Longer than all that may be kept.
    const long = newPath();
    await writeFile(long, linesOf(1, 900).join(''));
    expect((await answerOf(curves, long)).steps).toHaveLength(900);
    expect(curves.bytes).toBe(0);
  });
});
