// A run does not die of one bad moment: games that fail teach nothing, conversations that outgrow the context count with
// what they earned, and the update is made from the rest.

import { fileURLToPath } from 'node:url';
import { findEnvironment, registerEnvironment, type Step } from '@ludic/environments';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING, Trainer, type TrainSettings } from '../index.ts';
import { openTrained } from './open-trained.ts';

const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));
const original = findEnvironment('tic_tac_toe');

/** Registers TicTacToe with the steps of every third game spoiled. */
function spoil(id: string, change: (step: Step) => unknown): void {
  let made = 0;
  registerEnvironment({
    ...original,
    id,
    create(config: unknown) {
      const environment = original.create(config);
      const isBad = made++ % 3 === 0;
      return {
        reset: (seed: number, options?: object) => environment.reset(seed, options),
        step: (reply: string) => (isBad ? change(environment.step(reply) as Step) : environment.step(reply)) as Step,
        get state() {
          return environment.state;
        },
        get memory() {
          return environment.memory;
        },
      };
    },
  });
}
spoil('not_a_number', (step) => ({ ...step, reward: Number.NaN }));
spoil('infinite', (step) => ({ ...step, reward: Number.POSITIVE_INFINITY }));
spoil('in_words', (step) => ({ ...step, reward: '1' }));
spoil('promised', async (step) => ({ ...step, reward: '1' }));
spoil('thrown', () => {
  throw new Error('no board');
});

const common: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  steps: 2,
  groupSize: 4,
  batchSize: 12,
  maxCompletionLength: 8,
  tokenBudget: 2048,
  evalEpisodes: 6,
};

async function trainerOf(settings: TrainSettings, maxPositions?: number): Promise<Trainer> {
  const model = await openTrained(await openModelFolder(nano), settings, await createRuntime());
  const config = { ...model.config, ...(maxPositions !== undefined && { maxPositions }) };
  return Trainer.create({ ...model, config }, settings);
}

describe('a game that fails now and then', () => {
  it.each(['not_a_number', 'infinite', 'in_words', 'promised', 'thrown'])('%s', async (environment) => {
    for (const advantageEstimator of ['episode', 'turn'] as const) {
      const trainer = await trainerOf({ ...common, environment, advantageEstimator });
      const { metrics, episodes, advantages } = await trainer.runStep();
      expect(metrics.failure_rate).toBeCloseTo(1 / 3);
      expect(metrics.first_failure).toMatch(new RegExp(`^step of ${environment} at turn 1 \\(seed `));
      for (const name of ['mean_reward', 'loss', 'gradient_norm'] as const)
        expect(metrics[name]).toSatisfy(Number.isFinite);
      expect(metrics.gradient_norm).toBeGreaterThan(0);
      for (const [i, { endReason }] of episodes.entries())
        if (endReason === 'failed') expect([...advantages[i]!].every((a) => a === 0)).toBe(true);
      expect((await trainer.evaluate()).failure_rate).toBeGreaterThan(0);
      await trainer.dispose();
    }
  });
});

describe('a conversation that outgrows the context', () => {
  const talk: TrainSettings = {
    ...common,
    environment: 'key_door',
    environmentConfig: { max_steps: 30 },
    history: 'FULL_HISTORY',
    advantageEstimator: 'episode',
  };

  it('ends its game, which counts', async () => {
    const trainer = await trainerOf(talk, 140);
    const { metrics, episodes } = await trainer.runStep();
    expect(metrics.context_full_rate).toBeGreaterThan(0);
    expect(metrics.failure_rate).toBe(0);
    for (const { endReason, turns } of episodes)
      if (endReason === 'context_full') expect(turns.length).toBeGreaterThan(0);
    expect((await trainer.evaluate()).context_full_rate).toBeGreaterThan(0);
    await trainer.dispose();
  });

  it('is refused at once where there is no room for a first prompt', async () => {
    const trainer = await trainerOf(talk, 20);
    await expect(trainer.runStep()).rejects.toMatchObject({ code: 'prompt_too_long', message: /the 20 positions/ });
    await trainer.dispose();
  });
});
