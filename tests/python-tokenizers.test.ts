// Each part of a tokenizer.json that is computed here gives the ids and texts of Hugging Face's own tokenizers, and each
// other is refused by its name. Skipped where LUDIC_PYTHON, or python3, has no tokenizers.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTokenizer } from '../packages/models/src/index.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const LOOK = 'import importlib.util as i; exit(not i.find_spec("tokenizers"))';
const isThere = spawnSync(PYTHON, ['-c', LOOK], { stdio: 'ignore' }).status === 0;
const SCRIPT = fileURLToPath(new URL('./python_tokenizers.py', import.meta.url));

const TEXTS = [
  'I move to the left.',
  "  don't   move:\n\n\n 12 and 3456 steps!!! (or 6.78)  ",
  '<move>1,1</move><|end|>',
  '<s>\n You<|end|> are <|end|>  here  <|end|>',
  'Zwölf großen naïve café ﬁne ½ x²³ ٣٤٥ 数字12你好 🦉🦉 “quoted” — text...',
  'a_b foo::bar --- [x ** 2] {"k": 1.5e-3} #!/bin/sh\t\ttabs\r\n',
  'x<new>y <new> z unmovedmove move',
  '$1 and $& and $$',
  'é e\u0301 \u00a0no-break \u3000wide \u200bzero',
  ' ',
  'Жук 한국 ∑ \u{1F9C0}\u0007',
];

// A byte order mark is a space for @huggingface/tokenizers in these, and none for Python; where it is written as bytes, it
// is left out of texts.
const MARKED = '\ufeffa\u200b  \ufeff \ufeff b\u0085 ';
const UNMARKED: ReadonlySet<string> = new Set(['bert', 'prefix space', 'strip', 'llama 2', 'gemma']);

type Json = Readonly<Record<string, unknown>>;
type Case = readonly [kind: 'bytes' | 'pieces' | 'words' | 'unigram', changes: Json, refused?: RegExp];

const NEW = {
  id: 0,
  content: '<new>',
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
};
const added = (more: Json): Json => ({ added_tokens: [{ ...NEW, ...more }] });
const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const sequence = (...pretokenizers: readonly Json[]): Json => ({ pre_tokenizer: { type: 'Sequence', pretokenizers } });
const GPT4 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const split = (behavior: string, invert = false, pattern: Json = { Regex: GPT4 }): Json => ({
  type: 'Split',
  pattern,
  behavior,
  invert,
});
const metaspace = (more: Json): Json => ({ type: 'Metaspace', replacement: '▁', ...more });

const CASES: Readonly<Record<string, Case>> = {
  gpt2: ['bytes', {}],
  'llama 3, qwen': ['bytes', sequence(split('Isolated'), BYTES)],
  'regex removed inverted': ['bytes', sequence(split('Removed', true), BYTES)],
  'regex isolated inverted': ['bytes', sequence(split('Isolated', true), BYTES)],
  'regex removed': ['bytes', sequence(split('Removed', false, { Regex: '\\s+' }), BYTES)],
  'merged with previous': ['bytes', sequence(split('MergedWithPrevious', false, { String: ' ' }), BYTES)],
  'merged at a regex': ['bytes', sequence(split('MergedWithNext'), BYTES), /behavior is "MergedWithNext"/],
  'texts that are patterns elsewhere': [
    'bytes',
    sequence(
      ...['-', '/', '.', '[x', '**', '\n', '$', '(', '\\', 'ß'].map((text) =>
        split('Isolated', false, { String: text }),
      ),
      split('Removed', false, { String: '}' }),
      split('MergedWithNext', false, { String: '-' }),
      split('MergedWithPrevious', false, { String: ']' }),
      split('Contiguous', false, { String: '*' }),
      BYTES,
    ),
  ],
  deepseek: [
    'bytes',
    {
      normalizer: { type: 'Sequence', normalizers: [] },
      ...sequence(
        split('Isolated', false, { Regex: '[\r\n]' }),
        split('Isolated', false, { Regex: '\\s?\\p{L}+' }),
        split('Isolated', false, { Regex: '\\s?\\p{P}+' }),
        split('Isolated', false, { Regex: '[一-龥ࠀ-一가-퟿]+' }),
        { type: 'Digits', individual_digits: true },
        BYTES,
      ),
    },
  ],
  falcon: [
    'bytes',
    sequence(
      { type: 'Punctuation', behavior: 'Contiguous' },
      { ...BYTES, use_regex: true },
      { type: 'Digits', individual_digits: false },
      split('Isolated', false, { Regex: '[0-9][0-9][0-9]' }),
    ),
  ],
  'contiguous inverted': ['bytes', sequence(split('Contiguous', true), BYTES), /Contiguous" and invert true/],
  'merged with next': ['bytes', sequence(split('MergedWithNext', false, { String: ' ' }), BYTES)],
  contiguous: ['bytes', sequence(split('Contiguous', false, { String: ' ' }), BYTES)],
  'smollm digits': ['bytes', sequence({ type: 'Digits', individual_digits: true }, { ...BYTES, use_regex: true })],
  'digits together': ['bytes', sequence({ type: 'Digits', individual_digits: false }, { ...BYTES, use_regex: true })],
  'punctuation isolated': ['bytes', sequence({ type: 'Punctuation', behavior: 'Isolated' }, BYTES)],
  'punctuation contiguous': ['bytes', sequence({ type: 'Punctuation', behavior: 'Contiguous' }, BYTES)],
  'punctuation removed': ['bytes', sequence({ type: 'Punctuation', behavior: 'Removed' }, BYTES)],
  whitespace: ['bytes', sequence({ type: 'Whitespace' }, BYTES)],
  'whitespace split': ['bytes', sequence({ type: 'WhitespaceSplit' }, BYTES)],
  bert: ['bytes', sequence({ type: 'BertPreTokenizer' }, BYTES)],
  'unicode scripts': [
    'bytes',
    sequence({ type: 'UnicodeScripts' }, BYTES),
    /the pre_tokenizer "UnicodeScripts" is not known/,
  ],
  'a delimiter': [
    'bytes',
    sequence({ type: 'CharDelimiterSplit', delimiter: '-' }, BYTES),
    /the pre_tokenizer "CharDelimiterSplit" is not known/,
  ],
  'fixed length': ['bytes', sequence({ type: 'FixedLength', length: 3 }, BYTES)],
  'prefix space': ['bytes', { pre_tokenizer: { ...BYTES, use_regex: true, add_prefix_space: true } }],
  NFC: ['bytes', { normalizer: { type: 'NFC' } }],
  NFKC: ['bytes', { normalizer: { type: 'NFKC' } }],
  NFD: ['bytes', { normalizer: { type: 'NFD' } }],
  Lowercase: ['bytes', { normalizer: { type: 'Lowercase' } }],
  'strip accents': [
    'bytes',
    { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }] } },
  ],
  strip: ['bytes', { normalizer: { type: 'Strip', strip_left: true, strip_right: true } }],
  'replace with dollars': ['bytes', { normalizer: { type: 'Replace', pattern: { String: 'move' }, content: '$&$$' } }],
  'replace a regex': ['bytes', { normalizer: { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '_' } }],
  prepend: ['bytes', { normalizer: { type: 'Prepend', prepend: '#' } }],
  'bert normalizer': [
    'bytes',
    {
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
    },
  ],
  nmt: ['bytes', { normalizer: { type: 'Nmt' } }, /the normalizer "Nmt" is not known/],
  'byte normalizer': [
    'bytes',
    { normalizer: { type: 'ByteLevel' }, pre_tokenizer: null },
    /the normalizer "ByteLevel" is not known/,
  ],
  added: ['bytes', added({})],
  'added special': ['bytes', added({ special: true })],
  'added stripping left': ['bytes', added({ lstrip: true, special: true })],
  'added stripping right': ['bytes', added({ rstrip: true, special: true })],
  'added single word': ['bytes', added({ content: 'move', single_word: true }), /"move" says that single_word is true/],
  'added normalized': ['bytes', { ...added({ normalized: true }), normalizer: { type: 'Lowercase' } }],
  dropout: ['bytes', { model: { dropout: 0.99 } }, /dropout is 0.99/],
  'dropout 0': ['bytes', { model: { dropout: 0 } }],
  'ignore merges': ['bytes', { model: { ignore_merges: true, merges: [] } }],
  'continuing prefix': [
    'bytes',
    { model: { continuing_subword_prefix: '##', merges: [] } },
    /continuing_subword_prefix is "##"/,
  ],
  'empty prefix': ['bytes', { model: { continuing_subword_prefix: '', end_of_word_suffix: '' } }],
  'end of word': ['bytes', { model: { end_of_word_suffix: '</w>', merges: [] } }, /end_of_word_suffix is "<\/w>"/],
  truncation: ['bytes', { truncation: { direction: 'Right', max_length: 3, strategy: 'LongestFirst', stride: 0 } }],
  template: [
    'bytes',
    {
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
      },
    },
  ],
  'no decoder': ['bytes', { decoder: null }],
  'llama 2': ['pieces', {}],
  'sentencepiece words': ['words', {}],
  'llama 2 without bytes': ['pieces', { model: { byte_fallback: false } }],
  'llama 2 unfused': ['pieces', { model: { byte_fallback: false, fuse_unk: false } }],
  gemma: [
    'pieces',
    {
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      pre_tokenizer: split('MergedWithPrevious', false, { String: ' ' }),
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
        ],
      },
    },
  ],
  'metaspace always': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ prepend_scheme: 'always', split: false }),
      decoder: metaspace({ prepend_scheme: 'always', split: false }),
    },
  ],
  'metaspace split': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ prepend_scheme: 'always', split: true }),
      decoder: metaspace({ prepend_scheme: 'always', split: true }),
    },
  ],
  'metaspace first': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ prepend_scheme: 'first', split: false }),
      decoder: metaspace({ prepend_scheme: 'first', split: false }),
    },
  ],
  'metaspace never': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ prepend_scheme: 'never', split: false }),
      decoder: metaspace({ prepend_scheme: 'never', split: false }),
    },
  ],
  'metaspace of old': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ add_prefix_space: true }),
      decoder: metaspace({ add_prefix_space: true }),
    },
  ],
  'metaspace of old, no prefix': [
    'words',
    {
      normalizer: null,
      pre_tokenizer: metaspace({ add_prefix_space: false, prepend_scheme: 'never' }),
      decoder: metaspace({ add_prefix_space: false, prepend_scheme: 'never' }),
    },
  ],
  'bpe decoder': ['pieces', { decoder: { type: 'BPEDecoder', suffix: '▁' } }],
  'wordpiece decoder': ['pieces', { decoder: { type: 'WordPiece', prefix: '##', cleanup: true } }],
  ctc: [
    'pieces',
    { decoder: { type: 'CTC', pad_token: '<s>', word_delimiter_token: '|', cleanup: true } },
    /the decoder "CTC" is not known/,
  ],
  unigram: ['unigram', {}],
  'unigram with bytes': ['unigram', { model: { byte_fallback: true } }, /byte_fallback is true/],
  'word level': ['bytes', { model: { type: 'WordLevel', unk_token: '<s>' } }, /the model "WordLevel" is not known/],
  wordpiece: [
    'bytes',
    { model: { type: 'WordPiece', unk_token: '<s>', continuing_subword_prefix: '##', max_input_chars_per_word: 100 } },
  ],
};

const place = mkdtempSync(join(tmpdir(), 'ludic-tokenizers-'));
interface Found {
  readonly ids: number[];
  readonly text: string;
  readonly plain: string;
}
/** A text says why the library itself refuses a case. */
let expected: Readonly<Record<string, string | readonly Found[]>>;

beforeAll(() => {
  if (!isThere) return;
  const cases = Object.fromEntries(Object.entries(CASES).map(([name, [kind, changes]]) => [name, [kind, changes]]));
  writeFileSync(join(place, 'cases.json'), JSON.stringify({ texts: [...TEXTS, MARKED], cases }));
  const { status, stderr } = spawnSync(PYTHON, [SCRIPT, place], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  expected = JSON.parse(readFileSync(join(place, 'expected.json'), 'utf8'));
}, 60_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe.skipIf(!isThere)('a tokenizer.json', () => {
  it.each(Object.entries(CASES))('%s', (name, [, , refused]) => {
    expect(expected[name]).toBeInstanceOf(Array);
    const texts = UNMARKED.has(name) ? TEXTS : [...TEXTS, MARKED];
    const theirs = (expected[name] as readonly Found[]).slice(0, texts.length);
    const json = JSON.parse(readFileSync(join(place, `${name}.json`), 'utf8'));
    if (refused) return expect(() => makeTokenizer(json)).toThrow(refused);
    const tokenizer = makeTokenizer(json);
    const ours = texts.map((text, i): Found => {
      const { ids } = theirs[i]!;
      expect(Array.from(tokenizer.encode(text))).toEqual(ids);
      return { ids, text: tokenizer.decode(ids), plain: tokenizer.decode(ids, { skipSpecialTokens: true }) };
    });
    expect(ours).toEqual(theirs);
  });
});
