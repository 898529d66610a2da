// For tests: learners on the tiny models of the fixtures, on one thread of the CPU, and the gradients that they find.

import { fileURLToPath } from 'node:url';
import { readCheckpoint } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { floats, ResidentTensors } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import type { Sample } from '../src/batching/samples.ts';
import { DEFAULT_ADAMW } from '../src/optimizer/adamw.ts';
import { Learner, type LearnerOptions } from '../src/trainer/learner.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });

/** Makes learners of one model, each with parameters of its own. @param name of its folder in the fixtures */
export async function tinyLearners(name: string) {
  const folder = fileURLToPath(new URL(`../../models/fixtures/${name}`, import.meta.url));
  const { config, parameters } = await readCheckpoint(await openModelFolder(folder));
  /** @param own parameters in place of the model's */
  const learnerWith = async (
    options: Pick<LearnerOptions, 'objective' | 'temperature' | 'tokenBudget'>,
    own: typeof parameters = parameters,
  ) =>
    new Learner({
      runtime,
      config,
      parameters: await ResidentTensors.of(runtime, own),
      adamw: DEFAULT_ADAMW,
      ...options,
    });
  return { config, parameters, learnerWith };
}

/** The gradient of these samples alone, all parameters in a row. */
export async function gradientOf(learner: Learner, samples: readonly Sample[]): Promise<Float64Array> {
  learner.gradients.clear();
  await learner.accumulate(samples);
  const sums = await learner.gradients.download();
  return Float64Array.from(Object.values(sums).flatMap((tensor) => [...floats(tensor)]));
}
