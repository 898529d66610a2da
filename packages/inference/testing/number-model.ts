// A tiny model whose text is its token ids, written as numbers: sampling must not care how text and tokens belong together.

import { fileURLToPath } from 'node:url';
import { type BaseBits, readCheckpoint, type Tokenizer } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { ResidentTensors, type Runtime } from '@ludic/runtime';
import type { LanguageModel } from '../src/language-model.ts';

const tokenizer: Tokenizer = {
  encode: (text) => Int32Array.from(text.match(/\d+/g) ?? [], Number),
  decode: (ids) =>
    Array.from(ids)
      .map((id) => `${id} `)
      .join(''),
  tokenId: Number,
};

/**
 * Token 3 ends a reply.
 * @param name of a fixture of `packages/models` @param baseBits of weights in blocks
 */
export async function openNumberModel(
  runtime: Runtime,
  name = 'smollm-tiny',
  baseBits?: BaseBits,
): Promise<LanguageModel> {
  const folder = fileURLToPath(new URL(`../../models/fixtures/${name}`, import.meta.url));
  const { config, parameters } = await readCheckpoint(await openModelFolder(folder), baseBits);
  return {
    name,
    runtime,
    ...(baseBits && { baseBits }),
    config: { ...config, eosTokenIds: [3] },
    parameters: await ResidentTensors.of(runtime, parameters),
    tokenizer,
    template: { render: (messages) => messages.map(({ content }) => content).join(' ') },
  };
}
