// A model through a GGUF file and back: the same network, numbers, tokens and template. What transformers and llama.cpp
// make of the same files is in tests/python-gguf.test.ts.

import { stream } from '@ludic/random';
import { floats } from '@ludic/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { folder } from '../../testing/golden.ts';
import { LLAMA31_SCALING, pieces, tiny, tokenizer } from '../../testing/tiny-gguf.ts';
import {
  type Checkpoint,
  type GgufDtype,
  ggufFile,
  type ModelConfig,
  ModelError,
  type ModelFiles,
  readChatTemplate,
  readCheckpoint,
  readTokenizer,
  type TokenizerFiles,
} from '../index.ts';
import { openModelFolder } from '../node.ts';
import { ggufModelFiles } from './gguf-files.ts';

async function written(
  { config, parameters }: Pick<Checkpoint, 'config' | 'parameters'>,
  dtype: GgufDtype,
): Promise<Uint8Array> {
  return Uint8Array.from(
    Buffer.concat([...(await ggufFile(config, parameters, tokenizer(), { dtype, name: 'tiny' }))]),
  );
}

/** A file in memory, opened as one of a disk. */
function opened(bytes: Uint8Array, reads: number[] = []): ModelFiles {
  return ggufModelFiles('tiny.gguf', async () => ({
    size: bytes.length,
    async read(at, into) {
      if (at < 0 || at + into.length > bytes.length) throw new Error('read beyond the file');
      reads.push(into.length);
      into.set(bytes.subarray(at, at + into.length));
    },
    async close() {},
  }));
}

const FIXTURES = ['llama-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'];
/** Gemma's fixture has a pattern of layers that GGUF cannot say. */
async function fixture(name: string): Promise<Pick<Checkpoint, 'config' | 'parameters'>> {
  const { config, parameters } = await readCheckpoint(await openModelFolder(folder(name)));
  if (config.family !== 'gemma3_text') return { config, parameters };
  const layers = config.slidingWindow!.layers.map(() => true);
  return {
    config: { ...config, queryScalar: config.headDim, slidingWindow: { ...config.slidingWindow!, layers } },
    parameters,
  };
}

describe.each(FIXTURES)('%s in a GGUF file', (name) => {
  let model: Pick<Checkpoint, 'config' | 'parameters'>;
  beforeAll(async () => {
    model = await fixture(name);
  });

  it.each([
    ['f16', 2 ** -11],
    ['q8_0', 1 / 127],
  ] as const)('is the same model, its weights within %s', async (dtype, tolerance) => {
    const found = await readCheckpoint(opened(await written(model, dtype)));
    expect(found.config).toEqual(model.config);
    expect(found.warnings).toEqual([]);
    expect(Object.keys(found.parameters)).toEqual(Object.keys(model.parameters));
    for (const [tensor, value] of Object.entries(model.parameters)) {
      const numbers = floats(value);
      const read = floats(found.parameters[tensor]!);
      expect(found.parameters[tensor]!.dims).toEqual(value.dims);
      const most = numbers.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const off = numbers.reduce((a, x, i) => Math.max(a, Math.abs(x - read[i]!)), 0);
      expect(off, tensor).toBeLessThanOrEqual(most * tolerance);
      // Vectors stay in 32 bits, but for norms that are counted from another number there.
      if (value.dims.length === 1 && name !== 'gemma3-tiny') expect(read).toEqual(numbers);
    }
  });

  it('has the tokens and the template of its tokenizer', async () => {
    const files = opened(await written(model, 'f16'));
    const given: ModelFiles = { name: 'given', read: async (file) => bytesOf(tokenizer().get(file)) };
    const [theirs, ours] = [await readTokenizer(files), await readTokenizer(given)];
    for (const text of ['abc abc 12 x<|end|>a', ' a  b', '']) expect(theirs.encode(text)).toEqual(ours.encode(text));
    const template = await readChatTemplate(files);
    expect(template.render([{ role: 'user', content: 'abc' }], { addGenerationPrompt: false })).toBe('user: abc\n');
  });
});

const bytesOf = (data: Uint8Array | string | undefined) =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data;

it.each([
  ['linear', { rope_scaling: { rope_type: 'linear', factor: 4 } }],
  ['as Llama 3.1 does', { rope_scaling: LLAMA31_SCALING }],
])('keeps how positions are stretched: %s', async (_, more) => {
  const model = tiny(more);
  expect((await readCheckpoint(opened(await written(model, 'f16')))).config).toEqual(model.config);
});

describe('a tokenizer of pieces with scores', () => {
  const OWN = { vocab_size: 320, bos_token_id: 1, eos_token_id: 2 };
  const given = (beside: TokenizerFiles): ModelFiles => ({
    name: 'given',
    read: async (file) => bytesOf(beside.get(file)),
  });
  const fileOf = async (beside: TokenizerFiles) => {
    const { config, parameters } = tiny(OWN);
    return Uint8Array.from(
      Buffer.concat([...(await ggufFile(config, parameters, beside, { dtype: 'f16', name: 'tiny' }))]),
    );
  };

  it.each([true, false])('has the same tokens and texts, with a space before a text or not: %s', async (isPrefixed) => {
    const files = opened(await fileOf(pieces(isPrefixed)));
    const [theirs, ours] = [await readTokenizer(files), await readTokenizer(given(pieces(isPrefixed)))];
    for (const text of ['abc ab a', ' ab  abc.', 'naïve 🎉\n', '<s>ab</s> c', '']) {
      expect(theirs.encode(text), text).toEqual(ours.encode(text));
      expect(theirs.decode(theirs.encode(text))).toBe(ours.decode(ours.encode(text)));
    }
    expect(theirs.encode('ab')).toEqual(ours.encode('ab'));
    expect(theirs.encode('abc').length).toBeLessThan(isPrefixed ? 4 : 2);
  });

  it.each([
    [{ prepend_scheme: 'first' }, true],
    [{ prepend_scheme: 'never' }, false],
    [{ add_prefix_space: false }, false],
  ])('has them where newer files say it otherwise: %j', async (said, isPrefixed) => {
    const beside = new Map(pieces(isPrefixed));
    const json = JSON.parse(beside.get('tokenizer.json') as string);
    const split = { type: 'Metaspace', replacement: '▁', split: false, ...said };
    beside.set('tokenizer.json', JSON.stringify({ ...json, normalizer: null, pre_tokenizer: split }));
    const [theirs, ours] = [await readTokenizer(opened(await fileOf(beside))), await readTokenizer(given(beside))];
    for (const text of ['abc ab a', 'ab  abc']) expect(theirs.encode(text), text).toEqual(ours.encode(text));
  });

  it('is refused where a piece is so long that its merges would take hours', async () => {
    const beside = new Map(pieces(true));
    const json = JSON.parse(beside.get('tokenizer.json') as string);
    json.model.vocab['a'.repeat(300_000)] = 319;
    beside.set('tokenizer.json', JSON.stringify(json));
    await expect(readTokenizer(opened(await fileOf(beside)))).rejects.toThrow(/a piece of it has 300000 characters/);
  });
});

describe('a model that GGUF cannot say', () => {
  it.each<
    [
      string,
      () => Promise<Pick<Checkpoint, 'config' | 'parameters'>> | Pick<Checkpoint, 'config' | 'parameters'>,
      RegExp,
    ]
  >([
    [
      'by its layers',
      async () => readCheckpoint(await openModelFolder(folder('gemma3-tiny'))),
      /queryScalar|slidingWindow/,
    ],
    [
      'by its window',
      () => {
        const { config, parameters } = tiny({ model_type: 'qwen2' });
        const windowed: ModelConfig = { ...config, slidingWindow: { size: 4, layers: [true] } };
        return { config: windowed, parameters };
      },
      /slidingWindow/,
    ],
  ])('is refused %s', async (_, make, message) => {
    await expect(written(await make(), 'f16')).rejects.toThrow(message);
  });

  it('is refused by how its words are split', async () => {
    const { config, parameters } = tiny();
    const files = new Map(tokenizer());
    const json = JSON.parse(files.get('tokenizer.json') as string);
    files.set('tokenizer.json', JSON.stringify({ ...json, pre_tokenizer: { type: 'Whitespace' } }));
    const write = ggufFile(config, parameters, files, { dtype: 'f16', name: 'tiny' });
    await expect(write).rejects.toMatchObject({
      code: 'bad_tokenizer',
      message: expect.stringContaining('splits words'),
    });
  });

  it.each<[string, (json: Record<string, unknown>) => unknown, RegExp]>([
    [
      'where its pieces are normalised in a way of their own',
      (json) => ({ ...json, normalizer: { type: 'NFKC' } }),
      /part NFKC/,
    ],
    ['where its tokenizer is damaged', () => '{"model"', /tokenizer.json .* no JSON/],
    ['where its tokenizer says nothing', () => 'null', /no tokenizer.json that says anything/],
  ])('is refused %s', async (_, change, message) => {
    const { config, parameters } = tiny({ vocab_size: 320 });
    const beside = new Map(pieces(true));
    const changed = change(JSON.parse(beside.get('tokenizer.json') as string));
    beside.set('tokenizer.json', typeof changed === 'string' ? changed : JSON.stringify(changed));
    const write = ggufFile(config, parameters, beside, { dtype: 'f16', name: 'tiny' });
    await expect(write).rejects.toMatchObject({ name: 'ModelError', message: expect.stringMatching(message) });
  });

  it('is refused where a number is too large for 16 bits', async () => {
    const { config, parameters } = tiny();
    floats(parameters['model.embed_tokens.weight']!)[3] = 70_000;
    await expect(written({ config, parameters }, 'f16')).rejects.toThrow(/embed_tokens.weight holds numbers that F16/);
  });
});

describe('a damaged GGUF file', () => {
  /** All that a user of the file would read. */
  const use = async (bytes: Uint8Array) => {
    const files = opened(bytes);
    await readCheckpoint(files);
    await readTokenizer(files);
  };

  it('gives a model or one clear error, whatever is damaged', async () => {
    const whole = await written(tiny(), 'q8_0');
    const header = 3000;
    const random = stream(7, 'damage');
    const messages = new Set<string>();
    let read = 0;
    for (let round = 0; round < 1000; round++) {
      const bytes = whole.slice(0, round % 5 === 0 ? Math.floor(random.nextFloat() * whole.length) : whole.length);
      // Mostly in the header, where lengths, counts, types and places are.
      for (let i = 0; i < 1 + (round % 4); i++) {
        const at = Math.floor(random.nextFloat() * (round % 3 ? header : bytes.length));
        bytes[at % Math.max(1, bytes.length)] = Math.floor(random.nextFloat() * 256);
      }
      await use(bytes).then(
        () => read++,
        (error: unknown) => {
          expect(error).toBeInstanceOf(ModelError);
          expect((error as Error).message.length).toBeLessThan(1000);
          messages.add((error as Error).message.replace(/\d+/g, '0'));
        },
      );
    }
    expect(read).toBeGreaterThan(50);
    expect(messages.size).toBeGreaterThan(20);
  });

  const numberAt = (at: number, value: number | bigint) => (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (typeof value === 'bigint') view.setBigUint64(at, value, true);
    else view.setUint32(at, value, true);
    return bytes;
  };
  it.each<[string, (bytes: Uint8Array) => Uint8Array, RegExp]>([
    ['another format', (bytes) => bytes.fill(0x20, 0, 4), /does not begin with "GGUF"/],
    ['an unknown version', numberAt(4, 9), /version is 9/],
    ['big-endian numbers', numberAt(4, 0x03000000), /big-endian/],
    ['tensors without end', numberAt(8, 2n ** 60n), /would hold \d+ tensors/],
    ['fields without end', numberAt(16, 2n ** 60n), /would hold \d+ metadata fields/],
    ['a name without end', numberAt(24, 2n ** 62n), /a name in its header would have/],
    ['nothing behind its header', (bytes) => bytes.subarray(0, 3000), /cut off/],
    ['nothing', (bytes) => bytes.subarray(0, 0), /cut off/],
  ])('with %s is refused by a sentence', async (_, damage, message) => {
    const bytes = damage(await written(tiny(), 'f16'));
    await expect(use(bytes)).rejects.toMatchObject({ name: 'ModelError', message: expect.stringMatching(message) });
  });

  it('is read with no more memory than its numbers need', async () => {
    const bytes = await written(tiny(), 'f16');
    const reads: number[] = [];
    await readCheckpoint(opened(bytes, reads));
    // The header is read once for each of config and weights; no tensor twice.
    expect(reads.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(3 * bytes.length);
  });

  it('is a folder without a file of weights', async () => {
    const files = opened(await written(tiny(), 'f16'));
    expect(await files.list!()).toEqual(['config.json', 'tokenizer.json', 'tokenizer_config.json']);
    expect(await files.read('model.safetensors')).toBeUndefined();
  });
});
