import { fileURLToPath } from 'node:url';
import { makeTokenizer, readTokenizer } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncrementalDetokenizer } from './detokenizer.ts';

const folder = fileURLToPath(new URL('../../nano/model', import.meta.url));
const tokenizer = await readTokenizer(await openModelFolder(folder));
const decode = (tokens: readonly number[]) => tokenizer.decode(tokens, { skipSpecialTokens: true });

describe('the text of a growing reply', () => {
  it('only gets longer, and is in the end what all tokens decode to', () => {
    const odd = fc
      .array(fc.constantFrom('\ufffd', 'a', 'é', '€', '🦉', ' '), { maxLength: 8 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), odd), (written) => {
        const tokens = Array.from(tokenizer.encode(written));
        const text = new IncrementalDetokenizer(decode);
        let before = '';
        for (const token of tokens) {
          text.push(token);
          expect(text.text.startsWith(before)).toBe(true);
          expect(decode(tokens).startsWith(text.text)).toBe(true);
          before = text.text;
        }
        expect(text.whole).toBe(decode(tokens));
      }),
    );
  });

  it('keeps the spaces that a tokenizer writes before words', () => {
    const vocab = { '<s>': 0, '▁': 1, '▁I': 2, '▁move': 3, s: 4, '.': 5 };
    const words = makeTokenizer({
      added_tokens: [
        { id: 0, content: '<s>', special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
      ],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      model: { type: 'BPE', vocab, merges: [], unk_token: null },
    });
    const texts = (tokens: readonly number[]) => {
      const text = new IncrementalDetokenizer((ids) => words.decode(ids, { skipSpecialTokens: true }));
      return tokens.map((token) => {
        text.push(token);
        return text.text;
      });
    };
    expect(texts([2, 3, 4, 5])).toEqual(['I', 'I move', 'I moves', 'I moves.']);
    expect(texts([2, 0, 3]).at(-1)).toBe('I move');
  });

  it('gives a character when its last byte has come', () => {
    const tokens = Array.from(tokenizer.encode('a🦉'));
    expect(tokens.length).toBeGreaterThan(2);
    const text = new IncrementalDetokenizer(decode);
    const seen = tokens.map((token) => {
      text.push(token);
      return text.text;
    });
    expect(seen.slice(0, -1)).toEqual(tokens.slice(1).map(() => 'a'));
    expect(seen.at(-1)).toBe('a🦉');
  });

  it('takes half characters that never end as they are', () => {
    const [first] = Array.from(tokenizer.encode('🦉'));
    const text = new IncrementalDetokenizer(decode);
    for (let i = 0; i < 40; i++) text.push(first!);
    expect(text.whole).toHaveLength(40);
    expect(text.text.length).toBeGreaterThan(30);
  });
});
