// Configs that were written to do harm. Each is refused by a sentence before anything grows with what it says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folder } from '../../testing/golden.ts';
import { readCheckpoint, readModelConfig } from './checkpoint.ts';

const MODELS = ['llama-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'];
/** What decides the size of the network, however a family calls it. */
const SIZES =
  /^(vocab_size|hidden_size|intermediate_size|head_dim|sliding_window|num_\w+|n_\w+|max_position_embeddings|original_max\w+)$/;
/** Nothing is computed with these. */
const UNHEEDED = new Set(['qwen2-tiny sliding_window', 'gpt2-tiny n_ctx']);
const MONSTERS: readonly unknown[] = [
  1e9,
  2 ** 53,
  1e308,
  -1e9,
  0.5,
  '1000000000',
  'x'.repeat(100_000),
  [1e9],
  { a: 1e9 },
];

const read = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return readCheckpoint({ name: 'hostile', read: async (file) => (file === 'config.json' ? bytes : undefined) });
};
const REFUSED = expect.objectContaining({ name: 'ModelError' });
const nested = (open: string, close: string) => `${open.repeat(100_000)}1${close.repeat(100_000)}`;

describe.each(MODELS)('a hostile config like that of %s', (model) => {
  const json: Record<string, unknown> = JSON.parse(readFileSync(`${folder(model)}/config.json`, 'utf8'));
  const sizes = Object.keys(json).filter(
    (name) => SIZES.test(name) && json[name] !== null && !UNHEEDED.has(`${model} ${name}`),
  );

  it.each(sizes)('is refused for its %s', async (name) => {
    for (const monster of MONSTERS) {
      const error = await read(JSON.stringify({ ...json, [name]: monster })).catch((reason) => reason);
      expect(error).toEqual(REFUSED);
      expect(error.message).toMatch(/^config\.json: /);
      expect(error.message.length).toBeLessThan(300);
    }
  });

  it.each(['rope_theta', 'rope_scaling', 'layer_types', 'eos_token_id', 'anything'])(
    'is refused for a nested %s',
    async (name) => {
      for (const [open, close] of [
        ['{"a":', '}'],
        ['[', ']'],
      ] as const) {
        const text = JSON.stringify({ ...json, [name]: '@' }).replace('"@"', nested(open, close));
        await expect(read(text)).rejects.toMatchObject({ message: expect.stringMatching(/deeper than 100 levels/) });
      }
    },
  );

  it('is refused where it is long', async () => {
    await expect(read(JSON.stringify({ ...json, field: 'x'.repeat(2 ** 20) }))).rejects.toMatchObject({
      message: expect.stringMatching(/larger than 1 MiB/),
    });
  });

  it('is refused for weights that are not there, where every size is the largest that can be', async () => {
    const largest = {
      num_hidden_layers: 1024,
      n_layer: 1024,
      vocab_size: 2 ** 24,
      hidden_size: 2 ** 20,
      n_embd: 2 ** 20,
    };
    const known = Object.entries(largest).filter(([name]) => name in json);
    const heads = {
      num_attention_heads: 4096,
      num_key_value_heads: 4096,
      head_dim: 256,
      n_head: 4096,
      layer_types: null,
    };
    await expect(read(JSON.stringify({ ...json, ...heads, ...Object.fromEntries(known) }))).rejects.toEqual(REFUSED);
  });
});

it('braces in texts are no nesting', async () => {
  const json = JSON.parse(readFileSync(`${folder('llama-tiny')}/config.json`, 'utf8'));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...json, _name_or_path: `"\\"${'[{'.repeat(500)}` }));
  await readModelConfig({ name: 'fine', read: async (file) => (file === 'config.json' ? bytes : undefined) });
});
