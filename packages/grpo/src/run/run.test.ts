// A run over a storage that is no folder: the same files, the same way to go on.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openModelFolder } from '@ludic/models/node';
import { readCarriedGame } from '@ludic/rollouts/internal';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../testing/memory-storage.ts';
import { estimateAdvantages } from '../advantages/estimators.ts';
import {
  DEFAULT_TRAINING,
  openRun,
  type RunEvent,
  type RunStart,
  type RunStorage,
  type TrainSettings,
  trainRun,
} from '../index.ts';
import type { Workers } from './run-options.ts';
import { createRun } from './stored-run.ts';

const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));
const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  environmentConfig: { max_steps: 3 },
  steps: 3,
  groupSize: 4,
  batchSize: 8,
  maxCompletionLength: 4,
  tokenBudget: 1024,
  evalEvery: 0,
  evalEpisodes: 2,
  saveEvery: 2,
};

async function run(
  storage: RunStorage,
  start: RunStart,
  onEvent: (event: RunEvent) => void = () => {},
  signal?: AbortSignal,
  workers?: Workers,
) {
  return trainRun(start, {
    storage,
    runtime: await createRuntime(),
    openFiles: () => openModelFolder(nano),
    clock: () => 0,
    onEvent,
    ...(signal && { signal }),
    ...(workers && { workers }),
  });
}
const begin = { kind: 'new', model: 'nano', settings } satisfies RunStart;

describe('a run in a storage of its own', () => {
  it('goes on after a stop, and after a stop without warning, to the same bytes', async () => {
    const whole = memoryStorage();
    expect((await run(whole, begin)).status).toBe('finished');
    const stopped = memoryStorage();
    const controller = new AbortController();
    const stop = (event: RunEvent) => event.type === 'step' && controller.abort();
    expect(await run(stopped, begin, stop, controller.signal)).toMatchObject({ status: 'interrupted', step: 1 });
    expect(await (await openRun(stopped)).checkpoints()).toEqual([0, 1]);
    // As if the page was closed after the second step: its line is written, its checkpoint is not.
    await stopped.append('metrics.jsonl', '{"type":"step","step":2,"rew');
    expect((await run(stopped, { kind: 'resume' })).status).toBe('finished');
    for (const file of ['final/model.safetensors', 'checkpoints/step-000003/optimizer.safetensors'])
      expect(Buffer.compare(stopped.files.get(file)!, whole.files.get(file)!), file).toBe(0);
    const [log, expected] = await Promise.all([stopped, whole].map(async (one) => (await openRun(one)).log()));
    expect(log!.map(({ type, step }) => `${type} ${step}`)).toEqual(['step 1', 'step 2', 'step 3', 'evaluation 3']);
    expect(log!.filter(({ type }) => type === 'step')).toEqual(expected!.filter(({ type }) => type === 'step'));
  });

  it.each([8, 4] as const)(
    'trains an adapter on %d bits, twice with each batch, and goes on to the same bytes',
    async (baseBits) => {
      const lora = { rank: 4, alpha: 8, targets: [], rankStabilized: false };
      const loss = { ...settings.loss, beta: 0.1 };
      const start = { ...begin, settings: { ...settings, loss, lora, baseBits, numIterations: 2 } };
      const whole = memoryStorage();
      expect((await run(whole, start)).status).toBe('finished');
      const stopped = memoryStorage();
      const controller = new AbortController();
      const stop = (event: RunEvent) => event.type === 'step' && controller.abort();
      await run(stopped, start, stop, controller.signal);
      expect((await run(stopped, { kind: 'resume' })).status).toBe('finished');
      for (const file of ['final/model.safetensors', 'checkpoints/step-000003/adapter_model.safetensors'])
        expect(Buffer.compare(stopped.files.get(file)!, whole.files.get(file)!), file).toBe(0);
      const steps = (await (await openRun(whole)).log()).filter((line) => line.type === 'step');
      for (const { sampler_mismatch: mismatch, truncated_weights: truncated, clip_ratio_high_max: clipped } of steps) {
        expect(mismatch).toBeGreaterThan(1e-4);
        expect(mismatch).toBeLessThan(0.2);
        expect([truncated, clipped]).toEqual([0, 0]);
      }
    },
  );

  it('goes on where its first lines have the keys of an earlier version', async () => {
    const fixture = new URL('../../fixtures/metrics-camel-case.jsonl', import.meta.url);
    const lines = readFileSync(fixture, 'utf8').split('\n').slice(1, 3);
    const storage = memoryStorage();
    const controller = new AbortController();
    const stop = (event: RunEvent) => event.type === 'step' && event.metrics.step === 2 && controller.abort();
    await run(storage, begin, stop, controller.signal);
    await storage.write('metrics.jsonl', `${lines.join('\n')}\n`);
    expect((await run(storage, { kind: 'resume' })).status).toBe('finished');
    const steps = (await (await openRun(storage)).log()).filter(({ type }) => type === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    const keysOf = (line: object) => Object.keys(line).filter((key) => key !== 'mean_kl' && key !== 'peak_memory');
    expect(keysOf(steps[1]!).sort()).toEqual(keysOf(steps[2]!).sort());
    // What was written stays as it was.
    expect(new TextDecoder().decode(storage.files.get('metrics.jsonl')).startsWith(lines.join('\n'))).toBe(true);
  });

  it('lets go of its workers where its checkpoint cannot be read', async () => {
    const storage = memoryStorage();
    const controller = new AbortController();
    const stop = (event: RunEvent) => event.type === 'step' && controller.abort();
    await run(storage, { ...begin, settings: { ...settings, shards: 2 } }, stop, controller.signal);
    await storage.write('checkpoints/step-000001/state.json', '{');
    let disposals = 0;
    const none = () => Promise.reject(new Error('Nothing is asked of it.'));
    const dispose = async () => void disposals++;
    const make = () => ({ play: none, learn: none, weightsChanged() {}, dispose, peakMemory: 0 });
    const resumed = run(storage, { kind: 'resume' }, undefined, undefined, { count: 2, make });
    await expect(resumed).rejects.toMatchObject({ code: 'bad_checkpoint' });
    expect(disposals).toBe(1);
  });

  it('keeps the names that config.json has always had for its settings', async () => {
    const text = readFileSync(new URL('../../fixtures/run-config.json', import.meta.url), 'utf8');
    const storage = memoryStorage();
    await storage.write('config.json', text);
    const { config } = await openRun(storage);
    expect(config.settings).toMatchObject({
      advantageEstimator: 'td',
      finalRegularization: 0.2,
      dynamicSamplingRounds: 2,
    });
    const other = memoryStorage();
    await createRun(other, config);
    expect(new TextDecoder().decode(other.files.get('config.json'))).toBe(text);
  });

  it('is held to another reference, which stays with it and counts after a stop too', async () => {
    const apart = memoryStorage();
    await run(apart, { ...begin, settings: { ...settings, steps: 2, learningRate: 0.01 } });
    const openFiles = async (name: string) => (name === 'nano' ? openModelFolder(nano) : apart.open('final', 'model'));
    const held: RunStart = {
      ...begin,
      reference: 'apart',
      settings: { ...settings, loss: { ...settings.loss, beta: 0.1 } },
    };
    const runtime = await createRuntime();
    const trained = async (start: RunStart, storage: RunStorage, controller = new AbortController()) => {
      const distances: number[] = [];
      const onEvent = (event: RunEvent) => {
        if (event.type === 'step') distances.push(event.metrics.mean_kl!);
        if (event.type === 'step' && storage === cut && start.kind === 'new') controller.abort();
      };
      const { signal } = controller;
      await trainRun(start, { storage, runtime, openFiles, clock: () => 0, onEvent, signal });
      return distances;
    };
    const [whole, cut] = [memoryStorage(), memoryStorage()];
    const [first] = await trained(held, whole);
    expect(first).toBeGreaterThan(1e-3);
    expect((await trained({ ...held, reference: 'nano' }, memoryStorage()))[0]).toBeLessThan(1e-6);
    expect(await trained(held, cut)).toEqual([first]);
    await trained({ kind: 'resume' }, cut);
    expect(cut.files.get('final/model.safetensors')).toEqual(whole.files.get('final/model.safetensors'));
  });

  it('refuses a reference that is another network, or that nothing is weighed against', async () => {
    const other = fileURLToPath(new URL('../../../models/fixtures/llama-tiny/', import.meta.url));
    const openFiles = (name: string) => openModelFolder(name === 'nano' ? nano : other);
    const options = { storage: memoryStorage(), runtime: await createRuntime(), openFiles, clock: () => 0 };
    const loss = { ...settings.loss, beta: 0.1 };
    const start: RunStart = { ...begin, reference: 'other', settings: { ...settings, loss } };
    await expect(trainRun(start, options)).rejects.toThrow(/another network/);
    await expect(trainRun({ ...start, settings }, options)).rejects.toThrow(/beta .* above 0 with the reference/);
    expect(options.storage.files.size).toBe(0);
  });

  it('leaves variables of the chat template with its model, and those that the model came with', async () => {
    const templateOptions = { enable_thinking: false };
    const first = memoryStorage();
    const short = { ...settings, steps: 1 };
    await run(first, { ...begin, settings: { ...short, templateOptions } });
    const carried = async (storage: RunStorage) => readCarriedGame(await storage.open('final', 'model'));
    expect(await carried(first)).toMatchObject({ templateOptions });
    const second = memoryStorage();
    const openFiles = () => first.open('final', 'model');
    const runtime = await createRuntime();
    await trainRun({ ...begin, settings: short }, { storage: second, runtime, openFiles, clock: () => 0 });
    expect(await carried(second)).toMatchObject({ templateOptions });
  });

  it('tells what every turn was credited with', async () => {
    const steps: Extract<RunEvent, { type: 'step' }>[] = [];
    await run(memoryStorage(), begin, (event) => event.type === 'step' && steps.push(event));
    expect(steps.length).toBe(3);
    for (const { episodes, advantages } of steps) {
      const groups = episodes.map((_, i) => Math.floor(i / settings.groupSize));
      expect(advantages).toEqual(estimateAdvantages(episodes, groups, settings).advantages);
      expect(advantages.map(({ length }) => length)).toEqual(episodes.map(({ turns }) => turns.length));
    }
    expect(steps.some(({ advantages }) => advantages.some((turns) => turns.some((x) => x > 0)))).toBe(true);
  });
});
