// The chosen settings are there to teach: a short run of them must show it. `npm run bench:defaults` measures whole runs.

import { fileURLToPath } from 'node:url';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { expect, it } from 'vitest';
import { Trainer } from '../trainer/trainer.ts';
import { decideSettings } from './decide.ts';
import { NANO_TRAITS } from './model-traits.ts';

const nano = fileURLToPath(new URL('../../../nano/model/', import.meta.url));

it('the settings chosen for nano and TicTacToe win more games within ten updates, with few invalid replies', async () => {
  const { settings } = decideSettings({ environment: 'tic_tac_toe', given: { steps: 10 }, model: NANO_TRAITS });
  const model = await openLanguageModel(await openModelFolder(nano), await createRuntime({ threads: 1 }));
  const trainer = await Trainer.create(model, settings);
  const wins: number[] = [];
  const invalid: number[] = [];
  for (let step = 0; step < settings.steps; step++) {
    const { metrics } = await trainer.runStep();
    wins.push(metrics.win_rate!);
    invalid.push(metrics.invalid_rate);
  }
  await trainer.dispose();
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  // Nano wins 44 % as it is. Measured: 38 % in the first step, 66 % as the mean of the last three.
  expect(wins[0]).toBeLessThan(0.5);
  expect(mean(wins.slice(-3))).toBeGreaterThan(0.54);
  expect(Math.max(...invalid)).toBeLessThan(0.1);
}, 180_000);
