// The tokens that end a reply are those of both files, wherever a model is read and written.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folder } from '../../testing/golden.ts';
import { writeConfig } from '../architectures/registry.ts';
import { readModelConfig } from '../checkpoints/checkpoint.ts';
import { completeTokenizerFiles } from '../checkpoints/tokenizer-files.ts';

const gemma = JSON.parse(readFileSync(`${folder('gemma3-tiny')}/config.json`, 'utf8'));

function files(config: object, generation?: unknown) {
  const texts: Record<string, unknown> = { 'config.json': config, 'generation_config.json': generation };
  const read = async (name: string) =>
    texts[name] === undefined ? undefined : new TextEncoder().encode(JSON.stringify(texts[name]));
  return { name: 'the model', read };
}

describe('the tokens that end a reply', () => {
  it.each([
    [1, [1, 106], [1, 106]],
    [[1, 106], 1, [1, 106]],
    [undefined, 7, [7]],
    [null, undefined, []],
    [3, [4, 3], [3, 4]],
  ])('are %j of config.json and %j of generation_config.json: %j', async (config, generation, expected) => {
    const source = files({ ...gemma, eos_token_id: config }, { eos_token_id: generation, top_k: 64, do_sample: true });
    const read = await readModelConfig(source);
    expect(read.eosTokenIds).toEqual(expected);
    // What is written names them all, in both files.
    const tokenizerFiles = await completeTokenizerFiles(source);
    const written = JSON.parse(
      String(new TextDecoder().decode(asBytes(tokenizerFiles.get('generation_config.json')!))),
    );
    expect(new Set([written.eos_token_id ?? []].flat())).toEqual(new Set(expected));
    expect(written.top_k).toBe(64);
    expect((await readModelConfig(files(writeConfig(read)))).eosTokenIds).toEqual(expected);
  });

  it('are those of config.json alone where there is no other file', async () => {
    expect((await readModelConfig(files({ ...gemma, eos_token_id: [5, 6] }))).eosTokenIds).toEqual([5, 6]);
  });

  it('are whole numbers, or the file is named', async () => {
    await expect(readModelConfig(files(gemma, { eos_token_id: '</s>' }))).rejects.toThrow(
      'generation_config.json: eos_token_id is "</s>"; token ids are whole numbers.',
    );
    await expect(readModelConfig(files(gemma, []))).rejects.toThrow('generation_config.json: it holds no object.');
  });
});

const asBytes = (content: string | Uint8Array) =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
