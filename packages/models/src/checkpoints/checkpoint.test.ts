import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { float32, floats } from '@ludic/runtime';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  checkpointFiles,
  type ModelFiles,
  makeChatTemplate,
  makeTokenizer,
  readCheckpoint,
  readConfig,
  readSafetensors,
  trainTokenizer,
  writeConfig,
} from '../index.ts';
import { openModelFolder, writeFilesAtomically } from '../node.ts';

const folder = fileURLToPath(new URL('../../fixtures/llama-tiny', import.meta.url));
const json = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-models-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** The files of llama-tiny with some replaced. */
async function changed(replaced: Record<string, Uint8Array | undefined>): Promise<ModelFiles> {
  const files = await openModelFolder(folder);
  return { name: 'changed', read: async (name) => (name in replaced ? replaced[name] : files.read(name)) };
}

describe('a checkpoint', () => {
  it('comes back from the files that it is written to', async () => {
    const { config, parameters } = await readCheckpoint(await openModelFolder(folder));
    await writeFilesAtomically(join(scratch, 'copy'), checkpointFiles(config, parameters));
    const copy = await readCheckpoint(await openModelFolder(join(scratch, 'copy')));
    expect(copy.config).toEqual(config);
    expect(copy.parameters).toEqual(parameters);
  });

  it('keeps 16 bits where they say all of its numbers, and takes 32 where they do not', async () => {
    const place = join(scratch, 'bits');
    const written = async (parameters: Checkpoint['parameters']) => {
      await writeFilesAtomically(place, checkpointFiles(config, parameters), { replace: true });
      const { tensors } = readSafetensors(await readFile(join(place, 'model.safetensors')));
      expect((await readCheckpoint(await openModelFolder(place))).parameters).toEqual(parameters);
      return new Set(Array.from(tensors.values(), ({ dtype }) => dtype));
    };
    const { config, parameters } = await readCheckpoint(
      await openModelFolder(fileURLToPath(new URL('../../fixtures/qwen3-tiny-bf16', import.meta.url))),
    );
    const changedTo = (change: (x: number) => number) =>
      Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, float32(floats(value).map(change), value.dims)]),
      );
    expect(await written(parameters)).toEqual(new Set(['BF16']));
    expect(await written(changedTo((x) => Math.round(x * 999) / 512))).toEqual(new Set(['F16']));
    expect(await written(changedTo((x) => x / 3))).toEqual(new Set(['F32']));
    // One number that 16 bits cannot say, minus zero, and none at all.
    const [first] = Object.keys(parameters);
    const one = changedTo((x) => Math.round(x * 8));
    floats(one[first!]!).set([-0, 1 / 3], 5);
    expect(await written(one)).toEqual(new Set(['F32']));
    floats(one[first!]!).set([-0, Number.NaN], 5);
    expect(await written(one)).toEqual(new Set(['BF16']));
  });

  it('lists what does not fit in one error', async () => {
    const config = { ...json, num_hidden_layers: 3, vocab_size: 100 };
    const files = await changed({ 'config.json': new TextEncoder().encode(JSON.stringify(config)) });
    const error = await readCheckpoint(files).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'bad_tensors' });
    expect(String(error)).toMatch(/embed_tokens.weight is \[112,48\] and should be \[100,48\]/);
    // The first five of what is wrong, and how much more there is.
    expect(String(error)).toMatch(/layers\.2\.self_attn\.q_proj\.weight is missing/);
    expect(String(error)).toMatch(/; and 6 more\.$/);
    const fewer = await changed({
      'config.json': new TextEncoder().encode(JSON.stringify({ ...json, num_hidden_layers: 1 })),
    });
    await expect(readCheckpoint(fewer)).rejects.toThrow(/layers\.1\.input_layernorm\.weight does not belong there/);
  });

  it('takes a head that repeats the embeddings it is tied to, and refuses one of its own', async () => {
    const tied = { 'config.json': new TextEncoder().encode(JSON.stringify({ ...json, tie_word_embeddings: true })) };
    await expect(readCheckpoint(await changed(tied))).rejects.toThrow(
      /hold an lm_head\.weight that differs from model\.embed_tokens\.weight, and its config\.json ties the two\. Say "tie_word_embeddings": false/,
    );
    const { config, parameters } = await readCheckpoint(await openModelFolder(folder));
    const repeated = { ...parameters, 'lm_head.weight': parameters['model.embed_tokens.weight']! };
    await writeFilesAtomically(join(scratch, 'repeated'), checkpointFiles(config, repeated));
    const weights = { 'model.safetensors': await readFile(join(scratch, 'repeated', 'model.safetensors')) };
    const read = await readCheckpoint(await changed({ ...tied, ...weights }));
    expect(read.config.tieWordEmbeddings).toBe(true);
    expect(read.parameters).not.toHaveProperty('lm_head.weight');
  });

  it('names the file that is cut off, missing or no JSON', async () => {
    const weights = await readFile(join(folder, 'model.safetensors'));
    await expect(readCheckpoint(await changed({ 'model.safetensors': weights.subarray(0, 5000) }))).rejects.toThrow(
      /^model\.safetensors: .*cut off/,
    );
    await expect(readCheckpoint(await changed({ 'model.safetensors': undefined }))).rejects.toMatchObject({
      code: 'not_a_model',
    });
    await expect(readCheckpoint(await changed({ 'config.json': Uint8Array.of(123) }))).rejects.toThrow(
      /config\.json of changed is damaged/,
    );
    await expect(openModelFolder(join(scratch, 'nowhere'))).rejects.toThrow(/no such folder/);
    await expect(openModelFolder(scratch)).rejects.toThrow(/no config\.json/);
  });
});

describe('config.json', () => {
  it('is read with the defaults of its family and written so that it is read the same', () => {
    const { head_dim: _, num_key_value_heads: __, rope_scaling: ___, ...rest } = json;
    const config = readConfig({
      ...rest,
      rope_parameters: { rope_type: 'default', rope_theta: 123 },
      rope_theta: undefined,
    });
    expect(config).toMatchObject({ kvHeads: 6, headDim: 8, rotary: { theta: 123 } });
    expect(readConfig(writeConfig(readConfig(json)))).toEqual(readConfig(json));
  });

  it.each([
    [{ ...json, model_type: 'mamba' }, /"mamba" is not known. Known: llama/],
    [{ ...json, num_attention_heads: 0 }, /num_attention_heads is 0/],
    [{ ...json, num_key_value_heads: 4 }, /does not divide/],
    [{ ...json, hidden_act: 'gelu' }, /silu/],
    [{ ...json, rope_scaling: { rope_type: 'yarn' } }, /"yarn" is not known/],
    [null, /no object/],
  ])('is refused with a reason', (config, message) => {
    expect(() => readConfig(config)).toThrow(message);
  });
});

describe('writeFilesAtomically', () => {
  it('replaces a folder as a whole and leaves nothing else behind', async () => {
    const target = join(scratch, 'atomic');
    await writeFilesAtomically(
      target,
      new Map([
        ['a', 'one'],
        ['b', 'two'],
      ]),
    );
    await writeFilesAtomically(target, new Map([['a', 'three']]), { replace: true });
    expect(await readdir(target)).toEqual(['a']);
    expect(await readFile(join(target, 'a'), 'utf8')).toBe('three');
    expect((await readdir(scratch)).filter((name) => name.includes('atomic'))).toEqual(['atomic']);
  });

  it('keeps what was there when writing fails', async () => {
    const target = join(scratch, 'kept');
    await writeFilesAtomically(target, new Map([['a', 'old']]));
    // A name that would have to be a file and a folder.
    const impossible = new Map([
      ['a', 'new'],
      ['a/b', 'x'],
    ]);
    await expect(writeFilesAtomically(target, impossible, { replace: true })).rejects.toMatchObject({
      code: 'write_failed',
    });
    expect(await readFile(join(target, 'a'), 'utf8')).toBe('old');
    await writeFile(join(scratch, 'file'), '');
    await expect(writeFilesAtomically(join(scratch, 'file', 'inside'), new Map())).rejects.toMatchObject({
      code: 'write_failed',
    });
  });
});

describe('a trained tokenizer', () => {
  const phrases = ['You are X.\n', 'X.O\n', '...\n', 'Your move.', '<move>5</move>'];
  const tokenizer = makeTokenizer(
    trainTokenizer({
      texts: [...phrases, 'the other text'],
      phrases,
      specialTokens: ['<|end|>', '<|user|>'],
      merges: 20,
    }),
  );

  it('makes each phrase one token, alone and in company', () => {
    for (const phrase of phrases) expect(tokenizer.encode(phrase)).toHaveLength(1);
    expect(tokenizer.encode(`<|user|>${phrases.join('')}<|end|>`)).toHaveLength(phrases.length + 2);
  });

  it('gives any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves special tokens out where asked', () => {
    expect(tokenizer.decode(tokenizer.encode('<|user|>X.O\n<|end|>'), { skipSpecialTokens: true })).toBe('X.O\n');
  });
});

describe('a chat template', () => {
  it('renders messages and reports what a template raises', () => {
    const template = makeChatTemplate(
      "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
      { eos_token: '#' },
    );
    const messages = [{ role: 'system', content: 'a' } as const, { role: 'user', content: 'b' } as const];
    expect(template.render(messages, { addGenerationPrompt: true })).toBe('[system]a#[user]b#[assistant]');
    const strict = makeChatTemplate("{{ raise_exception('no system role') }}");
    expect(() => strict.render(messages, { addGenerationPrompt: true })).toThrow(/no system role/);
    expect(() => makeChatTemplate('{% for %}')).toThrow(/cannot be used/);
  });
});
