// Texts and tokens of a transformers.js model: by our own tokenizer, which splits as Python does, where it knows all parts
// of the model's; else by the library's.

import { makeTokenizer, type Tokenizer } from '@ludic/models';
import type { LibraryModel } from './network.ts';

/** Ids and texts as they stand, nothing added. */
export type Coder = Pick<Tokenizer, 'encode' | 'decode'>;

const coders = new WeakMap<LibraryModel['tokenizer'], Coder>();

export function coderOf({ tokenizer }: LibraryModel): Coder {
  const known = coders.get(tokenizer);
  if (known) return known;
  const coder = ownCoder(tokenizer) ?? libraryCoder(tokenizer);
  coders.set(tokenizer, coder);
  return coder;
}

function ownCoder({ _tokenizerJSON: json, _tokenizerConfig: config }: LibraryModel['tokenizer']): Coder | undefined {
  try {
    return makeTokenizer(json, config);
  } catch {
    return undefined;
  }
}

const libraryCoder = (tokenizer: LibraryModel['tokenizer']): Coder => ({
  encode: (text) => Int32Array.from(tokenizer.encode(text, { add_special_tokens: false })),
  decode: (ids, { skipSpecialTokens = false } = {}) =>
    ids.length === 0
      ? ''
      : tokenizer.decode(Array.from(ids), {
          skip_special_tokens: skipSpecialTokens,
          clean_up_tokenization_spaces: false,
        }),
});
