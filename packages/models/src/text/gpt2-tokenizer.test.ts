import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGpt2Tokenizer } from './gpt2-tokenizer.ts';
import { readTokenizer } from './tokenizer.ts';

const folder = new URL('../../fixtures/tokenizer-gpt2-style/', import.meta.url);
const text = (file: string) => readFile(new URL(file, folder), 'utf8');
const [vocabText, merges, configText] = [
  await text('vocab.json'),
  await text('merges.txt'),
  await text('tokenizer_config.json'),
];
const golden: { text: string; ids: number[]; decoded: string }[] = JSON.parse(await text('golden.json'));
const vocab: Record<string, number> = JSON.parse(vocabText);

/** The fixture's files with some replaced, as a model. */
function model(replaced: Record<string, string | undefined> = {}) {
  const files: Record<string, string | undefined> = {
    'vocab.json': vocabText,
    'merges.txt': merges,
    'tokenizer_config.json': configText,
    ...replaced,
  };
  const read = async (file: string) => {
    const content = files[file];
    return content === undefined ? undefined : new TextEncoder().encode(content);
  };
  return { name: 'the model', read };
}

describe('vocab.json and merges.txt', () => {
  it.each(golden.map((entry) => [JSON.stringify(entry.text), entry] as const))(
    'encode and decode %s as tokenizers does',
    async (_, entry) => {
      const tokenizer = await readTokenizer(model());
      expect([...tokenizer.encode(entry.text)]).toEqual(entry.ids);
      expect(tokenizer.decode(entry.ids)).toBe(entry.decoded);
    },
  );

  it('lose nothing of any text', async () => {
    const tokenizer = await readTokenizer(model());
    const survives = (text: string) => tokenizer.decode(tokenizer.encode(text)) === text;
    fc.assert(fc.property(fc.string({ unit: 'binary' }), survives));
  });

  it('are read with Windows line ends too', async () => {
    const tokenizer = await readTokenizer(model({ 'merges.txt': merges.replaceAll('\n', '\r\n') }));
    for (const entry of golden) expect([...tokenizer.encode(entry.text)]).toEqual(entry.ids);
  });

  it('give way to a tokenizer.json', async () => {
    const json = await readGpt2Tokenizer(model({ 'vocab.json': JSON.stringify({ ...vocab, a: 5000 }) }));
    const tokenizer = await readTokenizer(model({ 'tokenizer.json': JSON.stringify(json), 'vocab.json': '{' }));
    expect([...tokenizer.encode('a')]).toEqual([5000]);
  });

  it('put a space before a text where tokenizer_config.json says so', async () => {
    const tokenizer = await readTokenizer(model({ 'tokenizer_config.json': '{"add_prefix_space":true}' }));
    expect([...tokenizer.encode('a')]).toEqual([258]); // as golden.json has it for " a"
  });
});

describe('special tokens', () => {
  it('include the end of text where no other file names any', async () => {
    const tokenizer = await readTokenizer(model({ 'tokenizer_config.json': undefined }));
    expect([...tokenizer.encode('a<|endoftext|>a')]).toEqual([65, 0, 65]);
    expect(tokenizer.decode([65, 0, 65], { skipSpecialTokens: true })).toBe('aa');
  });

  it('come from every file that may name them, and get the first free ids where none is written', async () => {
    const config = {
      added_tokens_decoder: { 950: { content: '<tool>', special: false } },
      additional_special_tokens: ['<a>', { content: '<b>', lstrip: true }],
    };
    const specialTokens = { pad_token: { content: '<pad>', normalized: true }, eos_token: '<end>' };
    const files = model({
      'tokenizer_config.json': JSON.stringify(config),
      'special_tokens_map.json': JSON.stringify(specialTokens),
      'added_tokens.json': '{"<end>":951}',
    });
    const tokenizer = await readTokenizer(files);
    expect([...tokenizer.encode('<tool><end><a> <b><pad>')]).toEqual([950, 951, 952, 953, 954]);
    expect(tokenizer.decode([950, 951, 952, 953, 954], { skipSpecialTokens: true })).toBe('<tool>');
  });

  it('leave out GPT-2’s end where the model has another one', async () => {
    const { '<|endoftext|>': _, ...others } = vocab;
    const files = model({ 'vocab.json': JSON.stringify(others), 'tokenizer_config.json': '{"eos_token":"!"}' });
    const tokenizer = await readTokenizer(files);
    expect(tokenizer.tokenId('<|endoftext|>')).toBeUndefined();
  });
});

describe('tokenizer files that cannot be used', () => {
  it.each([
    ['cut off', { 'vocab.json': vocabText.slice(0, 100) }, 'vocab.json of the model is damaged: it is no JSON.'],
    ['no object', { 'vocab.json': '[]' }, 'vocab.json of the model is damaged: it holds no object.'],
    ['empty', { 'vocab.json': '{}' }, 'vocab.json of the model is damaged: it has no tokens.'],
    ['no id', { 'vocab.json': '{"a":"b"}' }, 'the id of "a" is "b" and should be a whole number.'],
    ['an id twice', { 'vocab.json': '{"a":1,"b":1}' }, '"a" and "b" have the same id 1.'],
    [
      'half a merge',
      { 'merges.txt': '#version: 0.2\na' },
      'merges.txt of the model is damaged: line 2, "a", is not two',
    ],
    ['three parts', { 'merges.txt': 'a b c' }, 'line 1, "a b c", is not two tokens with a space between.'],
    ['unknown token', { 'merges.txt': 'X q' }, 'line 1, "X q", needs the token "Xq", which vocab.json lacks.'],
    [
      'no merges',
      { 'merges.txt': undefined },
      'the model has no tokenizer.json, and no merges.txt beside its vocab.json.',
    ],
    ['no vocab', { 'vocab.json': undefined }, 'and no vocab.json beside its merges.txt.'],
    ['neither', { 'vocab.json': undefined, 'merges.txt': undefined }, 'and no vocab.json and merges.txt either.'],
    ['other splitting', { 'tokenizer_config.json': '{"tokenizer_class":"Qwen2Tokenizer"}' }, 'Add a tokenizer.json.'],
  ])('are refused with a sentence: %s', async (_, replaced, sentence) => {
    const error = await readTokenizer(model(replaced)).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'bad_tokenizer', message: expect.stringContaining(sentence) });
  });
});
