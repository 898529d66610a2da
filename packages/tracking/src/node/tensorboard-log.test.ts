// Event files as TensorBoard reads them: in the order of their names, where a restart voids what came before from its
// step on.

import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restartEvent, stepOfSummary } from '../tensorboard/events.ts';
import { decodeRecords } from '../tensorboard/records.ts';
import { TensorBoardLog } from './tensorboard-log.ts';

let run = '';
let seconds = 0;
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'ludic-tensorboard-'));
  seconds = 1_700_000_000;
});
afterEach(() => rm(run, { recursive: true, force: true }));

const measure = (...steps: number[]) =>
  appendFile(
    join(run, 'metrics.jsonl'),
    steps.map((step) => `${JSON.stringify({ type: 'step', step, mean_reward: step / 4, seconds: 1 })}\n`).join(''),
  );
const open = (after: number) =>
  TensorBoardLog.open({ run, after, now: () => 1000 * seconds, host: 'a machine/of mine' });
const filesOf = async () => (await readdir(join(run, 'tensorboard'))).sort();

/** Steps that TensorBoard would show. */
async function shown(): Promise<number[]> {
  const steps: number[] = [];
  for (const name of await filesOf()) {
    const bytes = new Uint8Array(await readFile(join(run, 'tensorboard', name)));
    for (const event of decodeRecords(bytes)) {
      const step = stepOfSummary(event);
      if (step !== undefined) steps.push(step);
      const restart = steps.findIndex((each) => Buffer.from(restartEvent(seconds, each)).equals(event));
      if (restart >= 0) steps.length = restart;
    }
  }
  return steps;
}

describe('the event files of a run', () => {
  it('hold every row once, the last when the run ends', async () => {
    await measure(1, 2);
    const log = await open(0);
    await log.update(false);
    expect(await shown()).toEqual([1]);
    await measure(3);
    await log.update(false);
    await log.update(true);
    expect(await shown()).toEqual([1, 2, 3]);
    expect(await filesOf()).toEqual(['events.out.tfevents.1700000000.a_machine_of_mine']);
  });

  it('go on in another file, also within the same second', async () => {
    await measure(1, 2, 3);
    await (await open(0)).update(true);
    const log = await open(3);
    await measure(4, 5);
    await log.update(true);
    expect(await shown()).toEqual([1, 2, 3, 4, 5]);
    const name = 'events.out.tfevents.1700000000.a_machine_of_mine';
    expect(await filesOf()).toEqual([name, `${name}.1`]);
  });

  it('void what the run takes again', async () => {
    await measure(1, 2, 3, 4, 5);
    await (await open(0)).update(true);
    await writeFile(join(run, 'metrics.jsonl'), '');
    await measure(1, 2);
    const log = await open(2);
    await measure(3, 4, 5, 6);
    await log.update(true);
    expect(await shown()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('catch up where a kill came before the last rows were written, or in the middle of one', async () => {
    await measure(1, 2, 3, 4);
    await (await open(0)).update(false);
    const [name] = await filesOf();
    const path = join(run, 'tensorboard', name!);
    const { length } = await readFile(path);
    await truncate(path, length - 5);
    expect(await shown()).toEqual([1, 2]);
    const log = await open(4);
    await measure(5);
    await log.update(true);
    expect(await shown()).toEqual([1, 2, 3, 4, 5]);
  });
});
