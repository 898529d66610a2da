// One GRPO update of nano (sampling, advantages, gradient, AdamW), beside TRL's GRPOTrainer on the same checkpoint,
// prompts, batch and completion length. Run: `npx node bench/grpo-update.ts`.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { differentPrompts } from './prompts.ts';
import { runPython, type Skipped } from './python.ts';
import { median, timed } from './timing.ts';
import { grpoUpdate } from './update.ts';

const THREADS = 2;
const PROMPTS = 32;
const GROUP_SIZE = 8;
const COMPLETION_LENGTH = 8;
const UPDATES = 9;

export async function benchGrpoUpdate() {
  const folder = fileURLToPath(NANO_FOLDER);
  const runtime = await createRuntime({ device: 'cpu', threads: THREADS });
  const model = await openLanguageModel(await openModelFolder(folder), runtime);
  const prompts = await differentPrompts(model, PROMPTS);
  const update = grpoUpdate(model, prompts, {
    groupSize: GROUP_SIZE,
    completionLength: COMPLETION_LENGTH,
    tokenBudget: 65_536,
  });
  const seconds = median(await timed(UPDATES, async () => update.learn(await update.sample())));
  await update.dispose();

  const scratch = await mkdtemp(join(tmpdir(), 'ludic-trl-'));
  const task = {
    model: folder,
    prompts: prompts.map((messages) => model.template.render(messages, { addGenerationPrompt: true })),
    group_size: GROUP_SIZE,
    completion_length: COMPLETION_LENGTH,
    updates: UPDATES,
    scratch,
  };
  await writeFile(join(scratch, 'task.json'), JSON.stringify(task));
  const trl = runPython('./trl_update.py', [join(scratch, 'task.json'), String(THREADS)], 'trl');
  await rm(scratch, { recursive: true, force: true });
  const samples = PROMPTS * GROUP_SIZE;
  return {
    samples,
    milliseconds: seconds * 1000,
    samplesPerSecond: samples / seconds,
    trl:
      'skipped' in trl
        ? (trl satisfies Skipped)
        : {
            version: trl.version,
            milliseconds: trl.seconds * 1000,
            samplesPerSecond: samples / trl.seconds,
            ratio: trl.seconds / seconds,
          },
  };
}

if (import.meta.main) console.log(JSON.stringify(await benchGrpoUpdate(), null, 1));
