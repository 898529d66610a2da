// What a tokenizer.json and a tokenizer_config.json may say: computed as Hugging Face's tokenizers does, or refused by name.
// Ids are compared with those of Python in tests/python-tokenizers.test.ts; some of them stand here as numbers.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { byteLevelBpe } from './byte-level-bpe.ts';
import { makeTokenizer } from './tokenizer.ts';
import { TOKENIZER_CONFIG_FIELDS } from './tokenizer-fields.ts';

const LETTERS = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
const VOCAB = Object.fromEntries([...LETTERS, 'Ġ', 'Â', '²', '³', 'mo', '<end>'].map((token, id) => [token, id]));
const TOKEN = { content: '<end>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const PLAIN = byteLevelBpe({
  addedTokens: [{ id: VOCAB['<end>']!, ...TOKEN }],
  vocab: VOCAB,
  merges: [['m', 'o']],
  splitWords: true,
  addPrefixSpace: false,
}) as Readonly<Record<string, object>>;

const pieces = (json: unknown, text: string, config: unknown = {}) => {
  const tokenizer = makeTokenizer(json, config);
  return Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id])).join('|');
};
const refusal = (json: unknown, config?: unknown): string => {
  try {
    makeTokenizer(json, config, 'a-model');
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
    return (error as Error).message;
  }
  return 'none';
};

describe('a tokenizer.json', () => {
  it('with digits of its own cuts at each digit of any script', () => {
    const digits = { type: 'Digits', individual_digits: true };
    const cut = { ...PLAIN, pre_tokenizer: { type: 'Sequence', pretokenizers: [digits, PLAIN.pre_tokenizer] } };
    const joined = { ...cut, model: { ...PLAIN.model, merges: [['Â', '²']], vocab: { ...VOCAB, 'Â²': 100 } } };
    expect(pieces(joined, '12²')).toBe('1|2|²');
  });

  it('replaces by texts, not by patterns', () => {
    const normalizer = { type: 'Replace', pattern: { String: 'mo' }, content: '$&' };
    expect(pieces({ ...PLAIN, normalizer }, 'move')).toBe('$|&|v|e');
  });

  it('is heeded after add_prefix_space of tokenizer_config.json', () => {
    expect(pieces(PLAIN, 'move', { add_prefix_space: true })).toBe(' |mo|v|e');
    expect(pieces(PLAIN, 'move', { add_prefix_space: false })).toBe('mo|v|e');
  });

  it('gets the added tokens that tokenizer_config.json alone knows', () => {
    const added_tokens_decoder = { 120: { ...TOKEN, content: '<new>' }, [VOCAB['<end>']!]: TOKEN };
    const tokenizer = makeTokenizer(PLAIN, { added_tokens_decoder });
    expect(Array.from(tokenizer.encode('<new><end>'))).toEqual([120, VOCAB['<end>']]);
    expect(tokenizer.decode([120, 0], { skipSpecialTokens: true })).toBe('!');
  });

  it('has no text for rows of the model beyond its tokens', () => {
    const decoders = [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'Fuse' }];
    const tokenizer = makeTokenizer({ ...PLAIN, decoder: { type: 'Sequence', decoders } });
    expect(tokenizer.decode([0, 5000, 1])).toBe('!"');
    expect(tokenizer.decode([5000])).toBe('');
  });

  it.each<[object, RegExp]>([
    [{ model: { ...PLAIN.model, dropout: 0.1 } }, /the model BPE says that dropout is 0\.1/],
    [{ model: { ...PLAIN.model, a_new_idea: 1 } }, /the model BPE says a_new_idea, which is not known/],
    [{ model: { type: 'WordLevel', vocab: {} } }, /the model "WordLevel" is not known/],
    [
      { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } },
      /the normalizer "Precompiled" is not known/,
    ],
    [{ pre_tokenizer: { type: 'Split', pattern: { Regex: ' ' }, behavior: 'MergedWithNext' } }, /"MergedWithNext"/],
    [
      { pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } },
      /a pattern that is not computed here/,
    ],
    [{ decoder: { type: 'CTC' } }, /the decoder "CTC" is not known/],
    [
      { added_tokens: [{ id: 1, content: 'mo', single_word: true }] },
      /the added token "mo" says that single_word is true/,
    ],
    [{ a_new_part: { type: 'X' } }, /a_new_part of tokenizer\.json is not known/],
    [{ model: null }, /tokenizer\.json has no model/],
    [{ model: { ...PLAIN.model, vocab: { a: -1 } } }, /vocab is \{"a":-1\}; an id for each token is needed/],
    [{ model: { ...PLAIN.model, merges: [['a', 'b', 'c']] } }, /a list of pairs is needed/],
    [{ added_tokens: { a: 1 } }, /added_tokens of tokenizer\.json is \{"a":1\}; a list is needed/],
  ])('that cannot be computed is refused by name: %#', (change, message) => {
    expect(refusal({ ...PLAIN, ...change })).toMatch(message);
  });

  it('that is damaged in any way is read or refused with one sentence', () => {
    const paths = [
      ['model'],
      ['model', 'vocab'],
      ['model', 'merges'],
      ['model', 'unk_token'],
      ['added_tokens'],
      ['pre_tokenizer'],
      ['pre_tokenizer', 'type'],
      ['pre_tokenizer', 'add_prefix_space'],
      ['decoder'],
      ['normalizer'],
      ['truncation'],
      ['version'],
    ];
    const part = fc.record({
      type: fc.constantFrom(
        'Sequence',
        'Split',
        'Metaspace',
        'Replace',
        'Strip',
        'Prepend',
        'ByteLevel',
        'Unigram',
        'BPE',
      ),
      pattern: fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom({ String: '(' }, { Regex: '(' })),
      content: fc.jsonValue({ maxDepth: 1 }),
      normalizers: fc.jsonValue({ maxDepth: 2 }),
      vocab: fc.jsonValue({ maxDepth: 2 }),
      replacement: fc.jsonValue({ maxDepth: 1 }),
    });
    const keys = ['type', 'pattern', 'content', 'normalizers', 'vocab', 'replacement'] as const;
    const some = fc.tuple(part, fc.subarray([...keys])).map(([one, kept]) => pick(one, kept));
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), some);
    fc.assert(
      fc.property(fc.constantFrom(...paths), value, (path, changed) => {
        const told = refusal(changedAt(PLAIN, path, changed));
        expect(told).toMatch(/^(none|The tokenizer of a-model cannot be used: .*\.)$/s);
        expect(told).not.toMatch(/undefined|is not a function|is not iterable|Cannot read|\[object/);
        expect(told.length).toBeLessThan(400);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a tokenizer_config.json', () => {
  it('of which something is not known is used, and says so', () => {
    const { warnings } = makeTokenizer(
      PLAIN,
      { a_new_idea: 1, auto_map: {}, model_max_length: 8, another: null },
      'a-model',
    );
    expect(warnings).toEqual(['tokenizer_config.json of a-model says a_new_idea, which is not heeded here.']);
  });

  it.each<[unknown, RegExp]>([
    [[], /tokenizer_config\.json holds no object/],
    [{ split_special_tokens: true }, /split_special_tokens is true/],
    [{ added_tokens_decoder: [] }, /added_tokens_decoder of tokenizer_config\.json is no object/],
    [{ added_tokens_decoder: { x: TOKEN } }, /an id and a content are needed/],
  ])('that cannot be heeded is refused by name: %#', (config, message) => {
    expect(refusal(PLAIN, config)).toMatch(message);
  });

  it('however it is damaged is read or refused with one sentence', () => {
    const config = fc.dictionary(
      fc.constantFrom(...Object.keys(TOKENIZER_CONFIG_FIELDS)),
      fc.jsonValue({ maxDepth: 2 }),
    );
    fc.assert(
      fc.property(config, (changed) => {
        expect(refusal(PLAIN, changed)).toMatch(/^(none|The tokenizer of a-model cannot be used: .*\.)$/s);
      }),
      { numRuns: 300 },
    );
  });
});

const pick = (json: object, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(json).filter(([key]) => keys.includes(key)));

function changedAt(json: unknown, [first, ...rest]: readonly string[], value: unknown): unknown {
  return first === undefined ? value : { ...(json as object), [first]: changedAt((json as never)[first], rest, value) };
}
