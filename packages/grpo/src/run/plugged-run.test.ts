// A run with parts of the user's own: callbacks around its steps, what it remembers of them, and how it goes on.

import { fileURLToPath } from 'node:url';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../testing/memory-storage.ts';
import {
  DEFAULT_TRAINING,
  openRun,
  type RunCallbacks,
  type RunEvent,
  type RunStart,
  type RunStorage,
  registerPlugin,
  type TrainSettings,
  trainRun,
} from '../index.ts';

const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));
const runtime = await createRuntime();
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
const begin = { kind: 'new', model: 'nano', settings } satisfies RunStart;

function run(
  storage: RunStorage,
  start: RunStart,
  callbacks: RunCallbacks = {},
  more: { readonly onEvent?: (event: RunEvent) => unknown; readonly signal?: AbortSignal } = {},
) {
  const openFiles = () => openModelFolder(nano);
  return trainRun(start, { storage, runtime, openFiles, clock: () => 0, callbacks, ...more });
}
const stepsOf = async (storage: RunStorage) => (await openRun(storage)).steps();
const later = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

describe('callbacks', () => {
  it('are awaited before and after each step, with its games and all steps before it', async () => {
    const told: string[] = [];
    const look = {
      async beforeStep({ step, log }) {
        await later();
        told.push(`before ${step}, after ${log.map((line) => line.step)}`);
      },
      async afterStep({ step, metrics, episodes, advantages, settings: { batchSize } }) {
        await later();
        told.push(`${metrics.step}: ${episodes.length} of ${batchSize}, ${advantages.length}`);
        return step === 2 ? { metrics: { seen: 1 } } : undefined;
      },
    } satisfies RunCallbacks[string];
    const storage = memoryStorage();
    const onEvent = (event: RunEvent) => event.type === 'step' && told.push(`told ${event.metrics.step}`);
    await run(storage, begin, { look }, { onEvent });
    expect(told).toEqual([
      ...['before 1, after ', '1: 8 of 8, 8', 'told 1'],
      ...['before 2, after 1', '2: 8 of 8, 8', 'told 2'],
      ...['before 3, after 1,2', '3: 8 of 8, 8', 'told 3'],
    ]);
  });

  it('have metrics of their own in the log and the events, one callback after the other', async () => {
    const told: unknown[] = [];
    const storage = memoryStorage();
    const callbacks: RunCallbacks = {
      lengths: { afterStep: ({ step }) => ({ metrics: { reply_length: step / 2 } }) },
      others: { afterStep: async ({ log }) => ({ metrics: { known: log.length } }) },
    };
    await run(storage, begin, callbacks, { onEvent: (event) => event.type === 'step' && told.push(event.metrics) });
    const steps = await stepsOf(storage);
    expect(steps).toMatchObject([1, 2, 3].map((step) => ({ step, own_reply_length: step / 2, own_known: step - 1 })));
    expect(told).toEqual(steps);
  });

  it('may end the run early: it is evaluated, saved and finished, and says why', async () => {
    const storage = memoryStorage();
    const patience: RunCallbacks = {
      patience: { afterStep: ({ step }) => (step === 2 ? { stop: 'it is good enough' } : undefined) },
    };
    const { status, step, reason, evaluation } = await run(storage, begin, patience);
    const why = 'The run was ended after step 2: it is good enough (patience).';
    expect({ status, step, reason }).toEqual({ status: 'finished', step: 2, reason: why });
    expect(evaluation?.total_episodes).toBe(2);
    expect((await openRun(storage)).config.settings.steps).toBe(3);
    expect(JSON.parse(new TextDecoder().decode(storage.files.get('final/result.json')))).toMatchObject({
      steps: 2,
      ended_early: why,
    });
    expect(await (await openRun(storage)).checkpoints()).toContain(2);
  });

  it('have ended the run also where it is stopped in its last evaluation, or resumed after its end', async () => {
    const [whole, cut] = [memoryStorage(), memoryStorage()];
    const patience: RunCallbacks = { patience: { afterStep: ({ step }) => (step === 1 ? { stop: 'enough' } : {}) } };
    const ended = await run(whole, begin, patience);
    const controller = new AbortController();
    const onEvent = (event: RunEvent) => event.type === 'step' && controller.abort();
    const { status } = await run(cut, begin, patience, { onEvent, signal: controller.signal });
    expect(status).toBe('interrupted');
    for (const again of [1, 2]) {
      const resumed = await run(cut, { kind: 'resume' }, patience);
      expect({ again, ...resumed, best: undefined }).toEqual({ again, ...ended, best: undefined });
    }
    expect(cut.files.get('final/model.safetensors')).toEqual(whole.files.get('final/model.safetensors'));
    expect((await (await openRun(cut)).log()).map(({ type, step }) => `${type} ${step}`)).toEqual([
      'step 1',
      'evaluation 1',
    ]);
  });

  it('that fails ends the run with its name, and no step is lost', async () => {
    const storage = memoryStorage();
    const failing: RunCallbacks = {
      look: {
        async afterStep({ step }) {
          if (step === 1) throw new Error('out of order');
        },
      },
    };
    const message = 'The callback look failed at step 1: out of order';
    await expect(run(storage, begin, failing)).rejects.toMatchObject({ code: 'bad_plugin', message });
    expect((await stepsOf(storage)).map(({ step }) => step)).toEqual([1]);
    expect(await run(storage, { kind: 'resume' }, failing)).toMatchObject({ status: 'finished', step: 3 });
    const whole = memoryStorage();
    await run(whole, begin);
    expect(storage.files.get('final/model.safetensors')).toEqual(whole.files.get('final/model.safetensors'));
  });

  it.each<[string, Readonly<Record<string, number>>, string]>([
    ['is ill-formed', { 'Reply Length': 1 }, 'Reply Length: its name must be lower-case letters'],
    ['is no number', { reply_length: Number.NaN }, 'reply_length: it is NaN; it must be a finite number.'],
    ['is a text', { reply_length: '5' as unknown as number }, 'reply_length: it is 5; it must be a finite number.'],
  ])('is refused where a metric %s', async (_, metrics, message) => {
    const storage = memoryStorage();
    await expect(run(storage, begin, { look: { afterStep: () => ({ metrics }) } })).rejects.toThrow(
      `The callback look gives the metric ${message}`,
    );
  });

  it('is refused where another has given its metric', async () => {
    const one = { afterStep: () => ({ metrics: { same: 1 } }) };
    await expect(run(memoryStorage(), begin, { one, two: one })).rejects.toThrow(
      'The callback two gives the metric same: another callback gives one of that name',
    );
  });
});

describe('a run with parts of the user', () => {
  registerPlugin(
    {
      histories: { SHORT: ({ observation }) => [{ role: 'user', content: observation }] },
      advantages: { reward: (episodes) => episodes.map(({ turns, reward }) => turns.map(() => reward)) },
      losses: { cut: { surrogate: 'clipped', averaging: 'constant' } },
    },
    { file: '/mine.ts', sha256: 'abc' },
  );
  const own: RunStart = {
    ...begin,
    settings: {
      ...settings,
      history: 'SHORT',
      advantageEstimator: 'reward',
      loss: { ...settings.loss, lossType: 'cut' },
    },
  };
  const callbacks: RunCallbacks = { look: { afterStep: ({ log }) => ({ metrics: { known: log.length } }) } };

  it('remembers them, is not resumed without, and with them goes on to the same bytes', async () => {
    const [whole, cut] = [memoryStorage(), memoryStorage()];
    await run(whole, own, callbacks);
    const controller = new AbortController();
    const onEvent = (event: RunEvent) => event.type === 'step' && controller.abort();
    expect((await run(cut, own, callbacks, { onEvent, signal: controller.signal })).step).toBe(1);
    const of = { file: '/mine.ts', sha256: 'abc' };
    expect((await openRun(cut)).config.plugins).toEqual([
      { kind: 'history', name: 'SHORT', ...of },
      { kind: 'advantages', name: 'reward', ...of },
      { kind: 'loss', name: 'cut', ...of },
      { kind: 'callback', name: 'look' },
    ]);
    const missing = 'The run began with the callback look: register the plugin';
    await expect(run(cut, { kind: 'resume' })).rejects.toMatchObject({
      code: 'bad_plugin',
      message: expect.stringContaining(missing),
    });
    expect((await run(cut, { kind: 'resume' }, callbacks)).status).toBe('finished');
    for (const file of ['final/model.safetensors', 'checkpoints/step-000003/optimizer.safetensors'])
      expect(Buffer.compare(cut.files.get(file)!, whole.files.get(file)!), file).toBe(0);
    expect(await stepsOf(cut)).toEqual(await stepsOf(whole));
  });

  it('names the file of what is missing, and says where the file has changed', async () => {
    const storage = memoryStorage();
    await run(storage, own, callbacks);
    const { config } = await openRun(storage);
    const store = (changed: object) => storage.write('config.json', JSON.stringify({ ...config, ...changed }));
    const gone = { kind: 'loss', name: 'gone', file: '/other.ts', sha256: 'abc' };
    await store({ plugins: [...config.plugins!, gone] });
    await expect(run(storage, { kind: 'resume' }, callbacks)).rejects.toThrow(
      'The run began with the loss gone: name what holds it, --plugin /other.ts.',
    );
    await store({ plugins: config.plugins!.map((one) => (one.file ? { ...one, sha256: 'before' } : one)) });
    const warnings: string[] = [];
    const onEvent = (event: RunEvent) => event.type === 'warning' && warnings.push(event.message);
    await run(storage, { kind: 'resume' }, callbacks, { onEvent });
    expect(warnings).toEqual(
      ['history SHORT', 'advantages reward', 'loss cut'].map(
        (what) => `The file of the ${what} is not what it was when the run began.`,
      ),
    );
  });
});
