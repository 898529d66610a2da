// Runs that really collapse: nano with a rate far too high, which makes nearly all its replies invalid within a few steps.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModelFolder } from '@ludic/models/node';
import type { Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING, type OnCollapse, type RunEvent, type TrainSettings } from '../index.ts';
import { RunFolder, type RunStart, runTraining } from '../node.ts';
import { openTrained } from '../trainer/open-trained.ts';
import { measureReplyFormat } from '../warm-start/reply-format.ts';

const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));
let scratch = '';
let runtime: Runtime;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-collapse-'));
  runtime = await createRuntime({ threads: 1 });
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const RATE = 0.1;
const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: { max_steps: 4, invalid_penalty: 0.3 },
  steps: 100,
  groupSize: 4,
  batchSize: 8,
  learningRate: RATE,
  schedule: 'constant',
  warmupSteps: 8,
  maxCompletionLength: 4,
  tokenBudget: 1024,
  evalEvery: 0,
  evalEpisodes: 4,
  saveEvery: 100,
  seed: 1,
};

async function train(
  name: string,
  start: Partial<TrainSettings> | 'resume',
  onEvent: (event: RunEvent) => void = () => {},
  signal?: AbortSignal,
) {
  const how: RunStart =
    start === 'resume' ? { kind: 'resume' } : { kind: 'new', model: 'nano', settings: { ...settings, ...start } };
  const warnings: string[] = [];
  const result = await runTraining(how, {
    folder: join(scratch, name),
    runtime,
    openFiles: () => openModelFolder(nano),
    clock: () => 0,
    onEvent(event) {
      if (event.type === 'warning') warnings.push(event.message);
      onEvent(event);
    },
    ...(signal && { signal }),
  });
  return { ...result, warnings };
}
const weights = (...path: readonly string[]) => readFile(join(scratch, ...path, 'model.safetensors'));
const ratesOf = async (name: string) =>
  (await (await RunFolder.open(join(scratch, name))).log()).flatMap((line) =>
    line.type === 'step' ? [line.learning_rate] : [],
  );

/** Share of the replies of a model that are invalid. */
async function invalidRate(folder: string): Promise<number> {
  const model = await openTrained(await openModelFolder(folder), settings, runtime);
  const { invalid_rate: share } = await measureReplyFormat(model, settings);
  model.parameters.dispose();
  return share;
}

describe('a run whose policy becomes worse than it was', { timeout: 300_000 }, () => {
  it('ends with its best model, which can be used', async () => {
    const result = await train('stopped', { learningRate: 0.04, evalEvery: 1 });
    expect(result).toMatchObject({ status: 'stopped', best: { step: 1 } });
    expect(result.step).toBeLessThan(40);
    expect(result.reason).toMatch(
      /^The policy has become worse than at the start: .* The run was stopped after step \d+; its model is that of step 1\.$/,
    );
    expect(result.warnings.at(-1)).toBe(result.reason);
    const final = await weights('stopped', 'final');
    expect(final.equals(await weights('stopped', 'checkpoints', 'step-000001'))).toBe(true);
    const kept = JSON.parse(await readFile(join(scratch, 'stopped', 'final', 'result.json'), 'utf8'));
    expect(kept).toMatchObject({ stopped: result.reason, steps: result.step, best: { step: 1 } });
    expect(await invalidRate(join(scratch, 'stopped', 'final'))).toBeLessThan(0.8);
    expect(
      await invalidRate(join(scratch, 'stopped', 'checkpoints', `step-${String(result.step).padStart(6, '0')}`)),
    ).toBeGreaterThan(0.5);
  });

  it('goes on where it is only to warn', async () => {
    const { status, step, warnings } = await train('warned', { onCollapse: 'warn' satisfies OnCollapse, steps: 16 });
    expect([status, step]).toEqual(['finished', 16]);
    expect(warnings.filter((text) => text.endsWith('The run goes on, as on_collapse is warn.'))).toHaveLength(1);
  });

  it('goes back twice with half the rate and ends at the third time; an interruption changes nothing', async () => {
    const whole = await train('reverted', { onCollapse: 'revert' });
    expect(whole.status).toBe('stopped');
    const rates = await ratesOf('reverted');
    const halves = [1, 2, 4].map((part) => rates.filter((rate) => Math.abs(rate - RATE / part) < 1e-9).length);
    expect(halves.every((steps) => steps > 0)).toBe(true);
    expect(Math.min(...rates.slice(8))).toBeCloseTo(RATE / 4, 9);
    expect(whole.warnings.filter((text) => text.includes('from the model of step 0 with half the'))).toHaveLength(2);
    expect(await invalidRate(join(scratch, 'reverted', 'final'))).toBeLessThan(0.2);

    // In the middle of the bad updates before the second decision.
    const at = whole.step - halves[2]! - 4;
    const controller = new AbortController();
    const stop = (event: RunEvent) => event.type === 'step' && event.metrics.step === at && controller.abort();
    const cut = await train('cut', { onCollapse: 'revert' }, stop, controller.signal);
    expect(cut).toMatchObject({ status: 'interrupted', step: at });
    expect(await train('cut', 'resume')).toMatchObject({ status: 'stopped', step: whole.step, reason: whole.reason });
    expect(await ratesOf('cut')).toEqual(rates);
    expect((await weights('cut', 'final')).equals(await weights('reverted', 'final'))).toBe(true);
  });
});
