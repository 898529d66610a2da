// Stop texts. The text of a generation leaves special tokens out, so stop texts that contain one, such as `<|im_end|>`, are
// searched for in the text that keeps them.

import type { Tokenizer } from '@ludic/models';

type TextCoder = Pick<Tokenizer, 'encode' | 'decode'>;

/** The stop texts that contain a special token. */
export const stopsWithSpecialTokens = (stop: readonly string[], tokenizer: TextCoder): readonly string[] =>
  stop.filter((text) => idsOf(text, tokenizer).some((id) => isSpecial(id, tokenizer)));

const isSpecial = (id: number, { decode }: TextCoder): boolean =>
  decode([id]) !== '' && decode([id], { skipSpecialTokens: true }) === '';

function idsOf(text: string, { encode }: TextCoder): readonly number[] {
  try {
    return Array.from(encode(text));
  } catch {
    // It contains a token without a row in the model, which is never drawn.
    return [];
  }
}
