// A run that teaches the format first: a model that knows no tags learns them, its first checkpoint is what it is then,
// and a stop on the way leaves nothing half done. An adapter alike.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { Message } from '@ludic/history';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import type { Policy } from '@ludic/policies';
import { readCarriedGame } from '@ludic/rollouts/internal';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDialoGpt } from '../../../models/testing/dialogpt.ts';
import {
  checkSettings,
  DEFAULT_TRAINING,
  type RunEvent,
  type TrainSettings,
  type WarmStartTask,
  warmStart,
} from '../index.ts';
import { RunFolder, type RunStart, runTraining } from '../node.ts';

const NANO = new URL('../../../nano/model/', import.meta.url).pathname;
let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-warm-start-'));
  await writeDialoGpt(join(scratch, 'model'), 0);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  steps: 1,
  groupSize: 2,
  batchSize: 4,
  maxCompletionLength: 8,
  evalEvery: 0,
  evalEpisodes: 2,
  loss: { ...DEFAULT_TRAINING.loss, beta: 0.1 },
  warmStart: { steps: 3, episodes: 1 },
};

async function train(
  name: string,
  start: RunStart,
  onEvent: (event: RunEvent) => void = () => {},
  signal?: AbortSignal,
) {
  return runTraining(start, {
    folder: join(scratch, name),
    runtime: await createRuntime({ threads: 1 }),
    openFiles: () => openModelFolder(join(scratch, 'model')),
    clock: () => 0,
    onEvent,
    ...(signal && { signal }),
  });
}
const log = async (name: string) => (await RunFolder.open(join(scratch, name))).log();
const begin = (more: Partial<TrainSettings> = {}): RunStart => ({
  kind: 'new',
  model: 'x',
  settings: { ...settings, ...more },
});

describe('a run with a warm start', () => {
  it.each([
    ['model', {}],
    ['adapter', { lora: { rank: 2, alpha: 4, targets: [], rankStabilized: false } }],
  ])('that is stopped in it begins it again, and comes to the same: %s', async (kind, more) => {
    const whole = `${kind}-whole`;
    const stopped = `${kind}-stopped`;
    expect((await train(whole, begin(more))).status).toBe('finished');
    const controller = new AbortController();
    const stop = (event: RunEvent) => event.type === 'warm_start' && event.step === 2 && controller.abort();
    expect(await train(stopped, begin(more), stop, controller.signal)).toMatchObject({
      status: 'interrupted',
      step: 0,
    });
    expect(await (await RunFolder.open(join(scratch, stopped))).checkpoints()).toEqual([]);
    expect((await train(stopped, { kind: 'resume' })).status).toBe('finished');
    expect(await log(stopped)).toEqual(await log(whole));
    const [first] = await log(whole);
    expect(first).toMatchObject({ type: 'warm_start', step: 0, plan: settings.warmStart, before: { invalid_rate: 1 } });
    const step = (await log(whole)).find(({ type }) => type === 'step');
    // The reference is the model after its warm start, from which the first step has not moved.
    expect((step as { mean_kl?: number }).mean_kl).toBeLessThan(1e-9);
  });

  it('has none by auto where the model knows the format, and leaves its game with the model', async () => {
    const events: RunEvent[] = [];
    await runTraining(begin({ warmStart: 'auto' }), {
      folder: join(scratch, 'nano'),
      runtime: await createRuntime({ threads: 1 }),
      openFiles: () => openModelFolder(NANO),
      clock: () => 0,
      onEvent: (event) => events.push(event),
    });
    expect(events.find(({ type }) => type === 'warm_started')).toMatchObject({ plan: undefined });
    expect(events.some(({ type }) => type === 'warm_start')).toBe(false);
    const game = await readCarriedGame(await openModelFolder(join(scratch, 'nano', 'final')));
    expect(game).toMatchObject({ environment: 'tic_tac_toe', maxCompletionLength: 8, stop: ['</move>'] });
  });
});

describe('a warm start that teaches notes alone', () => {
  it('leaves the moves of the model as they are, and is refused where no notes are shown', async () => {
    const plan = { steps: 2, episodes: 4, teach: 'notes' } as const;
    const start = begin({ environment: 'key_door', history: 'SCRATCHPAD', warmStart: plan, maxCompletionLength: 12 });
    await runTraining(start, {
      folder: join(scratch, 'notes'),
      runtime: await createRuntime({ threads: 1 }),
      openFiles: () => openModelFolder(NANO),
      clock: () => 0,
    });
    const [first] = await (await RunFolder.open(join(scratch, 'notes'))).log();
    expect(first).toMatchObject({ type: 'warm_start', plan, after: { invalid_rate: expect.closeTo(0, 1) } });
    expect(() => checkSettings({ ...settings, warmStart: plan })).toThrow(/history NO_HISTORY, which shows no notes/);
  });

  it('is thinned to them, where a warm start of replies teaches every turn', async () => {
    const model = await openLanguageModel(await openModelFolder(NANO), await createRuntime({ threads: 1 }));
    const environment = findEnvironment('key_door');
    const config = resolveConfig(environment, {});
    const makeExpert = () => environment.experts.random(config);
    const task = { environment, config, history: 'SCRATCHPAD', makeExpert, episodes: 2 } as const;
    const taught = async (own?: WarmStartTask['own']) => {
      const tasks = [{ ...task, ...(own && { own }) }];
      const steps = warmStart(model, { tasks, steps: 1, learningRate: 1e-6, seed: 0, tokenBudget: 8192 });
      return (await steps.next()).value!.replies;
    };
    // Two games of a random player, which hardly ever end before the limit of 50.
    expect(await taught()).toBeGreaterThan(60);
    const asked: (readonly Message[])[] = [];
    const own: WarmStartTask['own'] = async (prompts) => {
      asked.push(...prompts);
      return prompts.map(() => '<action>up</action>');
    };
    expect(await taught(own)).toBeLessThan(20);
    // The player writes on; the model is asked about what was shown, false notes included.
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.some((messages) => /You saw the (key|door)/.test(messages.at(-1)!.content))).toBe(true);
  });
});

describe('a warm start by the model itself under another history', () => {
  const game = { environment: 'key_door', environmentConfig: { size: 2 }, maxCompletionLength: 48 } as const;

  it('teaches what it replies there, without its notes, and is refused where that is no other history', async () => {
    const plan = { steps: 2, episodes: 4, history: 'SCRATCHPAD' } as const;
    const own = { ...settings, ...game, history: 'FULL_HISTORY', warmStart: plan } as const;
    await runTraining(begin(own), {
      folder: join(scratch, 'transfer'),
      runtime: await createRuntime({ threads: 1 }),
      openFiles: () => openModelFolder(NANO),
      clock: () => 0,
    });
    const [first] = await log('transfer');
    expect(first).toMatchObject({ type: 'warm_start', plan, after: { invalid_rate: expect.closeTo(0, 1) } });
    expect(() => checkSettings({ ...own, history: 'SCRATCHPAD' })).toThrow(
      /warmStart.history is SCRATCHPAD; it must be left out with/,
    );
    expect(() => checkSettings({ ...own, history: 'OPTIMAL_SCRATCHPAD' })).toThrow(
      /left out with history OPTIMAL_SCRATCHPAD/,
    );
    const two = { ...plan, player: 'random' };
    expect(() => checkSettings({ ...own, warmStart: two })).toThrow(
      /warmStart.history is SCRATCHPAD; it must be left out with/,
    );
    const notes = { ...plan, teach: 'notes' } as const;
    expect(() => checkSettings({ ...own, warmStart: notes })).toThrow(/warmStart.teach is notes/);
  });

  it('shows the games as that history shows them', async () => {
    const model = await openLanguageModel(await openModelFolder(NANO), await createRuntime({ threads: 1 }));
    const environment = findEnvironment('key_door');
    const config = resolveConfig(environment, {});
    const shown: (readonly Message[])[] = [];
    const policy: Policy = {
      name: 'writer',
      act: async (prompts) =>
        prompts.map(({ messages }) => {
          shown.push(messages);
          return { text: '<scratchpad>\nA note.\n</scratchpad><action>up</action>', finish: 'stop' as const };
        }),
      dispose() {},
    };
    const makeExpert = () => environment.experts.random(config);
    const player = { policy, history: 'SCRATCHPAD' } as const;
    const task = { environment, config, history: 'FULL_HISTORY', makeExpert, player, episodes: 1 } as const;
    const steps = warmStart(model, { tasks: [task], steps: 1, learningRate: 1e-6, seed: 0, tokenBudget: 8192 });
    // One game that stays at the wall to its end: as many replies as turns.
    expect((await steps.next()).value!.replies).toBe(50);
    expect(shown).toHaveLength(50);
    expect(shown[1]!.at(-1)!.content).toContain('A note.');
  });
});
