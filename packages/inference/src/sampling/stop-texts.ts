// Texts that end a reply. Replies leave special tokens out, so stop texts that hold one, such as `<|im_end|>`, are looked
// for in the text that keeps them.

import type { Tokenizer } from '@ludic/models';

type Coder = Pick<Tokenizer, 'encode' | 'decode'>;

/** Those of some stop texts that hold a special token. */
export const stopsWithSpecialTokens = (stop: readonly string[], tokenizer: Coder): readonly string[] =>
  stop.filter((text) => idsOf(text, tokenizer).some((id) => isSpecial(id, tokenizer)));

const isSpecial = (id: number, { decode }: Coder): boolean =>
  decode([id]) !== '' && decode([id], { skipSpecialTokens: true }) === '';

function idsOf(text: string, { encode }: Coder): readonly number[] {
  try {
    return Array.from(encode(text));
  } catch {
    // It holds a token that the model has no row for, and so never draws.
    return [];
  }
}
