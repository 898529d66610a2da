// Steps and evaluations reach a job's events once each, in order, whatever happens to the file meanwhile.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS } from '@ludic/service';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVALUATION } from '../../../testing/evaluation-line.ts';
import { JobStore, type StoredJob } from '../store/job-store.ts';
import { type CurveLine, CurveReader } from './curve-reader.ts';
import { ingestCurve } from './ingest.ts';

let scratch = '';
let store: JobStore;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-ingest-'));
  store = JobStore.open(join(scratch, 'ludic.db'));
});
afterAll(async () => {
  store.close();
  await rm(scratch, { recursive: true, force: true });
});

/** The whole file of a run of so many steps, evaluated every third. */
const linesOf = (steps: number) =>
  Array.from({ length: steps }, (_, i) => i + 1).flatMap((step) => [
    { type: 'step', step, mean_reward: step / 10, success_rate: 0.5, seconds: 1 },
    ...(step % 3 === 0 ? [{ type: 'evaluation', step, ...EVALUATION, best: true, seconds: 2 }] : []),
  ]);

let number = 0;
function freshJob(): string {
  const id = `job ${++number}`;
  store.insert(
    { id, kind: 'train', output_dir: id, status: 'running', step: 0, evaluatedStep: 0 } as StoredJob,
    () => ({ type: 'job', data: {} }),
  );
  return id;
}
const told = (id: string) =>
  store.events(id, 1, 10_000).map(({ type, data }) => `${type} ${(data as { step: number }).step}`);

describe('ingesting a curve', () => {
  it('tells every line once, over kills that cut the file back and readers that begin again', async () => {
    const all = linesOf(12);
    const text = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const attempt = fc.record({ back: fc.nat(12), forth: fc.nat(12), half: fc.nat(30), isNew: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { maxLength: 6 }), async (attempts) => {
        const id = freshJob();
        const path = join(scratch, `${number}.jsonl`);
        let curve = new CurveReader(path);
        let reached = 0;
        for (const { back, forth, half, isNew } of attempts) {
          // A resumed run cuts its file back and repeats itself; the last line may be half there.
          const until = Math.min(all.length, Math.max(0, reached - back) + forth);
          const next = all[until] ? JSON.stringify(all[until]).slice(0, half) : '';
          await writeFile(path, text(all.slice(0, until)) + next);
          reached = until;
          if (isNew) curve = new CurveReader(path);
          else curve.rewind();
          await ingestCurve(store, id, curve, () => {});
        }
        await writeFile(path, text(all));
        await ingestCurve(store, id, new CurveReader(path), () => {});
        expect(told(id)).toEqual(all.map(({ type, step }) => `${type} ${step}`));
        expect(store.get(id)).toMatchObject({ step: 12, evaluatedStep: 12, latest: { mean_reward: 1.2 } });
      }),
      { numRuns: 40 },
    );
  });

  it('passes over what is no line of a curve, and reads lines longer than a page', async () => {
    const id = freshJob();
    const path = join(scratch, 'odd.jsonl');
    const long = JSON.stringify({ type: 'step', step: 2, note: 'x'.repeat(700_000) });
    const odd = [
      '{"type":"step","step":1,"mean_reward":1}',
      'null',
      '[]',
      '{"step":"9"}',
      '',
      '{"type":"evaluation","step":1}',
      long,
      '{"type":"step","step":3}',
    ];
    await writeFile(path, `${odd.join('\n')}\n{"type":"step","step":4`);
    await ingestCurve(store, id, new CurveReader(path), () => {});
    expect(told(id)).toEqual(['step 1', 'step 2', 'step 3']);
  });

  it('tells the keys of now where a run of an earlier version wrote others', async () => {
    const id = freshJob();
    const fixture = new URL('../../../../../packages/grpo/fixtures/metrics-camel-case.jsonl', import.meta.url);
    const lines: CurveLine[] = [];
    await ingestCurve(store, id, new CurveReader(fileURLToPath(fixture)), (page) => lines.push(...page));
    expect(told(id)).toEqual(['step 1', 'step 2', 'evaluation 2']);
    expect(store.get(id)!.latest).toMatchObject({ mean_reward: 0.15000000000000002, mean_steps: 4.25 });
    expect(lines.at(-1)!.data).toMatchObject({ success_rate: 0.6, total_episodes: 10, sampled_success_rate: 0.5625 });
    const { steps, evaluations } = ENDPOINTS.jobMetrics.answers[200].parse({
      job_id: id,
      steps: lines.filter(({ type }) => type === 'step').map(({ data }) => data),
      evaluations: lines.filter(({ type }) => type === 'evaluation').map(({ data }) => data),
    });
    for (const numbers of [...steps, ...evaluations])
      expect(Object.keys(numbers).filter((key) => !/^[a-z0-9_]+$/.test(key))).toEqual([]);
  });

  it('reads again what could not be stored', async () => {
    const id = freshJob();
    const path = join(scratch, 'again.jsonl');
    await writeFile(
      path,
      linesOf(3)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    const curve = new CurveReader(path);
    const broken = {
      update: () => {
        throw new Error('disk full');
      },
    } as unknown as JobStore;
    await expect(ingestCurve(broken, id, curve, () => {})).rejects.toThrow('disk full');
    await ingestCurve(store, id, curve, () => {});
    expect(told(id)).toHaveLength(4);
  });
});
