// For tests: models to ask, and how to wait for what happens in other processes.

import { cp, mkdtemp, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import type { RolloutTask } from '../src/inference/protocol.ts';
import type { ModelOrigin } from '../src/models/model-source.ts';

const folder = fileURLToPath(NANO_FOLDER);

export const NANO: ModelOrigin = { from: 'store', model: { name: 'nano', folder } };

export const TIC_TAC_TOE: RolloutTask = {
  environment: 'tic_tac_toe',
  config: {},
  history: 'FULL_HISTORY',
  seed: 1,
  sampling: { temperature: 0.7, topK: 0, topP: 1, maxCompletionLength: 32 },
};

/** A copy of nano under another name, in a folder of its own. */
export async function copyOfNano(name: string): Promise<ModelOrigin & { from: 'store' }> {
  const copy = join(await mkdtemp(join(tmpdir(), 'ludic-inference-')), name);
  await cp(folder, copy, { recursive: true });
  return { from: 'store', model: { name, folder: copy } };
}

/** Cuts off half of a copy's weights. */
export async function damagedNano(): Promise<ModelOrigin> {
  const source = await copyOfNano('damaged');
  await truncate(join(source.model.folder, 'model.safetensors'), 1000);
  return source;
}

/** Waits until something holds; a test that waits in vain runs into its time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setTimeout(20);
}
