// Text to token ids and back, by a model's tokenizer.json, or by GPT-2's older files where there is none.

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { type ModelFiles, readJson } from '../checkpoints/model-files.ts';
import { unheededWarning } from '../config/known-fields.ts';
import { ModelError } from '../errors.ts';
import { readGpt2Tokenizer } from './gpt2-tokenizer.ts';
import { piecewise } from './piecewise.ts';
import { TokenizerFault, understoodTokenizer } from './tokenizer-parts.ts';

/** Text to token ids and back, without special tokens added. */
export interface Tokenizer {
  /** The ids of a text, nothing added. Special tokens written in the text are recognised. */
  encode(text: string): Int32Array;
  /** Whether what stands before a text that begins so changes none of its ids, nor it theirs; false where that is not sure. */
  beginsAnew?(text: string): boolean;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The id of a token as it stands in the vocabulary. */
  tokenId(token: string): number | undefined;
  /** What its files say that is not heeded, as sentences. */
  readonly warnings?: readonly string[];
}

/** @throws ModelError `bad_tokenizer` */
export async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  return makeTokenizer(
    await readTokenizerJson(files),
    (await readJson(files, 'tokenizer_config.json')) ?? {},
    files.name,
  );
}

/** The parsed tokenizer.json, or what GPT-2's older files amount to. */
export const readTokenizerJson = async (files: ModelFiles): Promise<object> =>
  ((await readJson(files, 'tokenizer.json')) as object | undefined) ?? (await readGpt2Tokenizer(files));

/** A tokenizer that refuses tokens that the model has no row for, where ONNX Runtime would fail without their name. */
export function tokenizerWithin(tokenizer: Tokenizer, rows: number, name: string): Tokenizer {
  const encode = (text: string): Int32Array => {
    const ids = tokenizer.encode(text);
    const stranger = ids.find((id) => id < 0 || id >= rows);
    if (stranger === undefined) return ids;
    throw new ModelError(
      'bad_tokenizer',
      `The tokenizer of ${name} gives ${JSON.stringify(tokenizer.decode([stranger]))} the id ${stranger}, and the model has ${rows} rows (0 to ${rows - 1}). ` +
        'Fetch the tokenizer that belongs to this model, or leave that token out of the texts.',
    );
  };
  return { ...tokenizer, encode };
}

/** @param json a parsed tokenizer.json, @param config a parsed tokenizer_config.json @throws ModelError `bad_tokenizer` */
export function makeTokenizer(json: unknown, config: unknown = {}, name = 'The model'): Tokenizer {
  const { tokenizer, parts, unheeded } = understood(json, config, name);
  const isKnown = (id: number) => tokenizer.id_to_token(id) !== undefined;
  return {
    ...piecewise((text) => tokenizer.encode(text, { add_special_tokens: false }).ids, parts),
    decode: (ids, { skipSpecialTokens = false } = {}) => {
      // Rows of the model beyond the tokenizer's tokens have no text.
      const known = Array.from(ids).filter(isKnown);
      if (known.length === 0) return '';
      return tokenizer.decode(known, { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false });
    },
    tokenId: (token) => tokenizer.token_to_id(token),
    warnings: unheededWarning('tokenizer_config.json', name, unheeded),
  };
}

function understood(json: unknown, config: unknown, name: string) {
  try {
    const { json: parts, config: fields, unheeded } = understoodTokenizer(json, config);
    return { tokenizer: new HubTokenizer(parts, fields), parts, unheeded };
  } catch (error) {
    // Its own words, where it does not get along with a part all the same, are of no use to people.
    const what =
      error instanceof TokenizerFault
        ? error.message
        : error instanceof SyntaxError
          ? 'tokenizer.json has a pattern that is not computed here'
          : 'the parts of tokenizer.json do not fit together';
    throw new ModelError('bad_tokenizer', `The tokenizer of ${name} cannot be used: ${what}.`, { cause: error });
  }
}
