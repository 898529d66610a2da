// Folders that people have and that are no model here: one sentence that says what it is and what to do.

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { folder } from '../../testing/golden.ts';
import { openModelFolder } from '../node.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const scratch = await mkdtemp(join(tmpdir(), 'ludic-refusals-'));
afterAll(() => rm(scratch, { recursive: true }));
let made = 0;

async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const place = join(scratch, String(made++));
  await mkdir(place);
  for (const [name, data] of Object.entries(files)) await writeFile(join(place, name), data);
  return place;
}

const config = await readFile(join(folder('llama-tiny'), 'config.json'), 'utf8');
const LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 1234567\n';

describe('a folder that', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    ['holds an adapter', { 'adapter_config.json': '{}' }, /holds an adapter alone\. Give its base model/],
    ['holds an empty GGUF', { 'a.gguf': '' }, /no GGUF file that can be used: it is cut off in its header/],
    ['holds two', { 'a.gguf': '', 'b.gguf': '' }, /several GGUF files \(a\.gguf, b\.gguf\)\. Give the path of one/],
    [
      'holds GGUF and a config',
      { 'config.json': config, 'a.gguf': '' },
      /GGUF alone \(a\.gguf\)\. Give one of these files/,
    ],
    [
      'lacks the index of its shards',
      { 'config.json': config, 'model-00001-of-00002.safetensors': '', 'model-00002-of-00002.safetensors': '' },
      /model\.safetensors\.index\.json, which says what is where, is missing\. Fetch that file too/,
    ],
    ['holds another format', { 'config.json': config, 'tf_model.h5': '' }, /in another format \(tf_model\.h5\)/],
    ['holds no weights', { 'config.json': config }, /has no weights, which would be in one of model\.safetensors/],
    ['has a pointer for weights', { 'config.json': config, 'model.safetensors': LFS }, /Git LFS pointer.*git lfs pull/],
    ['has a pointer for its config', { 'config.json': LFS }, /config\.json .* Git LFS pointer/],
  ])('%s', async (_, files, message) => {
    const place = await folderOf(files);
    const read = async () => readCheckpoint(await openModelFolder(place));
    await expect(read()).rejects.toMatchObject({ name: 'ModelError', message: expect.stringMatching(message) });
  });

  it('has quantized tensors is told so, with five names at most', async () => {
    const tensors = Array.from({ length: 4000 }, (_, i) => ({
      name: `model.layers.${i}.self_attn.q_proj.qweight`,
      dtype: 'I32' as const,
      shape: [1],
      data: new Uint8Array(4),
    }));
    const place = await folderOf({ 'config.json': config, 'model.safetensors': writeSafetensors(tensors, {}) });
    const error = await readCheckpoint(await openModelFolder(place)).catch((caught: Error) => caught);
    expect(String(error)).toMatch(/are quantized \(.*qweight and 3995 more\)/);
    expect(String(error).length).toBeLessThan(600);
  });

  it('names its tensors without model. is read all the same', async () => {
    const bytes = new Uint8Array(await readFile(join(folder('llama-tiny'), 'model.safetensors')));
    const tensors = [...readSafetensors(bytes).tensors].map(([name, tensor]) => ({
      ...tensor,
      name: name.replace(/^model\./, ''),
    }));
    const place = await folderOf({ 'model.safetensors': writeSafetensors(tensors, {}) });
    await copyFile(join(folder('llama-tiny'), 'config.json'), join(place, 'config.json'));
    const { parameters } = await readCheckpoint(await openModelFolder(place));
    expect(parameters).toEqual((await readCheckpoint(await openModelFolder(folder('llama-tiny')))).parameters);
  });
});
