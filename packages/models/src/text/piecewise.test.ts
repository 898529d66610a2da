import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { piecewise } from './piecewise.ts';
import { makeTokenizer } from './tokenizer.ts';

const nano = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../nano/model/tokenizer.json', import.meta.url)), 'utf8'),
);
const letters = ['a', 'b', '<', '>', '|', ' ', '▁', '\u2581a'];
const added = (content: string, id: number, more: object = {}) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  ...more,
});
const words = (tokens: readonly object[], normalizer: object | null = null) => ({
  added_tokens: tokens,
  normalizer,
  post_processor: null,
  // The first piece of a text begins otherwise than the others.
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
  model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, i) => [letter, i])), merges: [['▁', 'a']] },
});
const TOKENIZERS: Readonly<Record<string, { readonly added_tokens: readonly object[] }>> = {
  nano,
  plain: words([added('<a>', 20), added('<b>', 21)]),
  overlapping: words([added('<a', 20), added('<a>', 21), added('a>b', 22), added('|', 23)]),
  'with blanks': words([added('<a>', 20, { lstrip: true }), added('<b>', 21, { rstrip: true }), added('|', 22)]),
  'single words': words([added('ab', 20, { single_word: true }), added('<b>', 21)]),
  normalized: words([added('<a>', 20, { normalized: true }), added('>b', 21), added('b', 22, { special: false })]),
  'normalized texts': words(
    [added('<a>', 20, { normalized: true }), added('>b', 21), added('|', 22, { special: false })],
    { type: 'Lowercase' },
  ),
  none: words([]),
};

it.each(Object.entries(TOKENIZERS))('pieces give the ids of the whole text: %s', (_, json) => {
  const whole = new HubTokenizer(json, {});
  const plain = (text: string) => whole.encode(text, { add_special_tokens: false }).ids;
  const { encode, beginsAnew } = piecewise(plain, json as never);
  const part = fc.constantFrom(
    '<a>',
    '<b>',
    '<a',
    'a>b',
    '|',
    'ab',
    ' ',
    '  ',
    'a',
    'b',
    '<',
    '>',
    '<|user|>',
    '<|end|>',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      // Twice: the second time from the pieces that are kept.
      for (let i = 0; i < 2; i++) expect([...encode(text)]).toEqual(plain(text));
      for (let cut = 0; cut < text.length; cut++) {
        const [before, after] = [text.slice(0, cut), text.slice(cut)];
        if (beginsAnew(after)) expect([...plain(before), ...plain(after)]).toEqual(plain(text));
      }
    }),
    { numRuns: 500 },
  );
});

it('encodes each piece of a conversation once', () => {
  const asked: string[] = [];
  const { encode } = makeTokenizer(nano);
  const { encode: counted } = piecewise((text) => {
    asked.push(text);
    return [...encode(text)];
  }, nano);
  const turn = (text: string) => `<|user|>${text}<|end|>`;
  const first = turn('one');
  counted(first);
  expect(counted(`${first}${turn('two')}`)).toEqual(encode(`${first}${turn('two')}`));
  expect(asked).toEqual(['<|user|>one', '<|end|>', '<|user|>two']);
});

it('says where a text begins anew: at a special token that no token before it reaches into', () => {
  const { beginsAnew } = makeTokenizer(nano);
  expect(['<|user|>a', '<|end|>', 'a<|user|>', 'You play', ''].map(beginsAnew!)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(piecewise(() => [], TOKENIZERS.overlapping as never).beginsAnew('|')).toBe(true);
  const reached = words([added('<a>', 20), added('b<', 21)]);
  expect(piecewise(() => [], reached as never).beginsAnew('<a>')).toBe(false);
});
