// The estimate grows with what takes memory, and its advice fits. That it meets measured peaks is for bench/.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PromptEncoder } from '@ludic/inference/internal';
import { readChatTemplate, readModelConfig, readTokenizer } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { SMOLLM2_135M } from '../../../models/testing/sizes.ts';
import { DEFAULT_TRAINING, type TrainSettings } from '../index.ts';
import { type RunEvent, runTraining } from '../node.ts';
import { describeMemory, estimateMemory, memoryAdvice } from './memory.ts';
import { probePrompts } from './probe-prompts.ts';

const CONFIG = SMOLLM2_135M;
const PARAMETERS = 134_515_008;
const PROMPTS = { longest: 60, shared: 40, turns: 5 };
const SETTINGS: TrainSettings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe' };
const LORA = { rank: 16, alpha: 32, targets: [], rankStabilized: false };
const total = (changes: Partial<TrainSettings>) => estimateMemory(CONFIG, { ...SETTINGS, ...changes }, PROMPTS).total;

describe('the estimate of memory', () => {
  it('counts what is known exactly', () => {
    const plain = estimateMemory(CONFIG, SETTINGS, PROMPTS);
    expect(plain).toMatchObject({
      weights: 4 * PARAMETERS,
      gradients: 4 * PARAMETERS,
      moments: 8 * PARAMETERS,
      reference: 0,
      adapter: 0,
    });
    const { total: sum, ...parts } = plain;
    expect(Object.values(parts).reduce((a, b) => a + b)).toBe(sum);
    const loss = { ...SETTINGS.loss, beta: 0.1 };
    expect(estimateMemory(CONFIG, { ...SETTINGS, loss }, PROMPTS).reference).toBe(4 * PARAMETERS);
    const held = estimateMemory(CONFIG, { ...SETTINGS, loss, lora: LORA }, PROMPTS, 1, true);
    expect(held.reference).toBe(4 * PARAMETERS);
    const adapted = estimateMemory(CONFIG, { ...SETTINGS, loss, lora: LORA }, PROMPTS);
    // 30 layers of rank 16: q, o 576 + 576; k, v 576 + 192; gate, up, down 576 + 1536.
    const adapter = 4 * 30 * 16 * (2 * 1152 + 2 * 768 + 3 * 2112);
    expect(adapted).toMatchObject({ reference: 0, adapter, gradients: adapter, moments: 2 * adapter });
    const weightsOf = (baseBits: 8 | 4) =>
      estimateMemory(CONFIG, { ...SETTINGS, lora: LORA, baseBits }, PROMPTS).weights;
    // Two copies in blocks, and the tied embeddings as float32 on the way, forward and backward.
    const float32Table = 2 * 4 * CONFIG.vocabSize * CONFIG.hiddenSize;
    expect((weightsOf(8) - float32Table) / plain.weights).toBeLessThan(0.6);
    expect((weightsOf(4) - float32Table) / plain.weights).toBeLessThan(0.35);
  });

  it('is smaller with everything that saves memory, and larger with everything that takes it', () => {
    const plain = total({});
    expect(total({ gradientCheckpointing: true })).toBeLessThan(plain);
    expect(total({ lora: LORA })).toBeLessThan(plain);
    expect(total({ tokenBudget: 1024 })).toBeLessThan(plain);
    expect(total({ maxCompletionLength: 8 })).toBeLessThan(plain);
    expect(total({ batchSize: 4096 })).toBeGreaterThan(plain);
    expect(total({ numIterations: 2 })).toBeGreaterThan(plain);
    expect(total({ numIterations: 2, gradientCheckpointing: true })).toBe(total({ gradientCheckpointing: true }));
  });

  it('counts every process, and smaller batches where there are several shards', () => {
    const sharded = { ...SETTINGS, shards: 4 };
    const one = estimateMemory(CONFIG, sharded, PROMPTS);
    const two = estimateMemory(CONFIG, sharded, PROMPTS, 2);
    const four = estimateMemory(CONFIG, sharded, PROMPTS, 4);
    expect(one.sampling).toBeLessThan(estimateMemory(CONFIG, SETTINGS, PROMPTS).sampling);
    // The process that holds the optimizer computes nothing of the shards.
    expect(two).toMatchObject({ weights: 3 * one.weights, moments: one.moments, activations: 2 * one.activations });
    expect(four.total - two.total).toBeGreaterThan(2 * (one.activations + one.weights));
    expect(estimateMemory(CONFIG, SETTINGS, PROMPTS, 1)).toEqual(estimateMemory(CONFIG, SETTINGS, PROMPTS));
  });

  it('gives advice that fits: as few flags as possible', () => {
    const advice = (limit: number) => memoryAdvice(CONFIG, SETTINGS, PROMPTS, limit);
    const all = total({ gradientCheckpointing: true, lora: LORA, tokenBudget: 2048, batchSize: 128 });
    expect(advice(total({ gradientCheckpointing: true }))).toMatch(/^With --gradient-checkpointing it needs about/);
    const small = { ...SETTINGS, batchSize: 64 };
    const adapted = estimateMemory(CONFIG, { ...small, gradientCheckpointing: true, lora: LORA }, PROMPTS).total;
    expect(memoryAdvice(CONFIG, small, PROMPTS, adapted)).toMatch(/^With .*--lora-rank 16/);
    expect(advice(all)).toMatch(/^With .*--lora-rank 16/);
    expect(advice(all / 10)).toMatch(/^Even with .* choose a smaller model/);
  });

  it('is one line', () => {
    const line = describeMemory(estimateMemory(CONFIG, SETTINGS, PROMPTS), 12.4e9);
    expect(line).toMatch(/^needs about \d+\.\d GB of 12\.4 GB: weights 0\.5, gradients 0\.5, moments 1\.1, /);
    expect(line).not.toContain('\n');
  });
});

const folder = fileURLToPath(new URL('../../../nano/model', import.meta.url));

describe('probing prompts', () => {
  it('finds how long prompts are and what they share', async () => {
    const files = await openModelFolder(folder);
    const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files));
    const alone = await probePrompts(SETTINGS, encoder);
    expect(alone.shared).toBeGreaterThan(0);
    expect(alone.longest).toBeGreaterThan(alone.shared);
    expect(alone.turns).toBeGreaterThanOrEqual(3);
    expect((await probePrompts({ ...SETTINGS, history: 'FULL_HISTORY' }, encoder)).longest).toBeGreaterThan(
      alone.longest,
    );
  });
});

describe('a run that has less memory than its workers need', () => {
  it('takes fewer workers and says so', async () => {
    const settings: TrainSettings = {
      ...SETTINGS,
      steps: 1,
      groupSize: 2,
      batchSize: 16,
      shards: 8,
      maxCompletionLength: 4,
      evalEpisodes: 4,
    };
    const files = await openModelFolder(folder);
    const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files));
    const prompts = await probePrompts(settings, encoder);
    const limit = estimateMemory(await readModelConfig(files), settings, prompts, 2).total;
    const events: RunEvent[] = [];
    const scratch = await mkdtemp(join(tmpdir(), 'ludic-memory-'));
    try {
      const run = (cores: number | undefined) =>
        createRuntime({ device: 'cpu', threads: 1 }).then((runtime) =>
          runTraining(
            { kind: 'new', model: 'nano', settings, threads: 1 },
            {
              folder: join(scratch, String(cores)),
              runtime,
              openFiles: async () => files,
              clock: () => 0,
              onEvent: (event) => void events.push(event),
              memory: { limit, available: limit, peak: () => 1 },
              workers: {
                count: 7,
                runtime: { device: 'cpu', threads: 1 },
                timeoutSeconds: 60,
                ...(cores !== undefined && { cores }),
              },
            },
          ),
        );
      const { peakMemory } = await run(undefined);
      const told = () => events.filter((event) => event.type === 'workers').at(-1)!;
      expect(told().count).toBeLessThan(7);
      expect(told().count).toBeGreaterThan(1);
      expect(told()).toMatchObject({ wanted: 7, reason: expect.stringMatching(/^more do not fit into 0\.\d GB/) });
      expect(events.filter((event) => event.type === 'worker_started')).toHaveLength(told().count);
      // Not this process's own 1 byte alone.
      expect(peakMemory).toBeGreaterThan(20e6);
      const started = events.filter((event) => event.type === 'worker_started').length;
      await run(1);
      expect(told()).toMatchObject({ count: 1, wanted: 7, reason: 'the machine has 1 core' });
      expect(events.filter((event) => event.type === 'worker_started')).toHaveLength(started);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
});

describe('a run that cannot fit', () => {
  it('is refused before anything is made, with what would help', async () => {
    const events: string[] = [];
    const run = runTraining(
      { kind: 'new', model: 'nano', settings: { ...SETTINGS, steps: 1 } },
      {
        folder: '/nowhere/at/all',
        runtime: await createRuntime({ device: 'cpu', threads: 1 }),
        openFiles: () => openModelFolder(folder),
        clock: () => 0,
        onEvent: ({ type }) => events.push(type),
        memory: { limit: 100e6, available: 100e6, peak: () => 0 },
      },
    );
    await expect(run).rejects.toMatchObject({
      code: 'too_large',
      message: expect.stringMatching(/of 0\.1 GB.* Even with/),
    });
    expect(events).toEqual(['memory']);
  });
});
