// A model of any size without its weights: random numbers in the shape that a config says.

import { cp, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModelConfig, tensorsOf, writeConfig } from '../packages/models/src/index.ts';
import { safetensorsParts } from '../packages/models/src/internal.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';

/** A model folder: normal-sized random weights as bf16, and nano's tokenizer, which knows the first of the tokens. */
export async function writeRandomModel(config: ModelConfig, folder: string): Promise<void> {
  await cp(fileURLToPath(NANO_FOLDER), folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify(writeConfig(config)));
  let state = 1;
  const tensors = [...tensorsOf(config)].map(([name, { shape, init }]) => {
    const halves = new Uint16Array(shape.reduce((a, b) => a * b, 1));
    const word = new Uint32Array(1);
    const number = new Float32Array(word.buffer);
    const width = 0.02 * (init === 'residual' ? Math.sqrt(12 / (2 * config.layers)) : Math.sqrt(12));
    for (let i = 0; i < halves.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      number[0] = init === 'ones' ? 1 : width * (state / 2 ** 32 - 0.5);
      halves[i] = word[0]! >>> 16;
    }
    return { name, dtype: 'BF16' as const, shape, data: new Uint8Array(halves.buffer) };
  });
  const file = await open(join(folder, 'model.safetensors'), 'w');
  for (const part of safetensorsParts(tensors, { format: 'pt' })) await file.writeFile(part);
  await file.close();
}
