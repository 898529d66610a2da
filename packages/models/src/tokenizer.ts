// Text to token ids and back, by a model's tokenizer.json.

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { type ModelFiles, readJson } from './checkpoint.ts';
import { ModelError } from './errors.ts';

export interface Tokenizer {
  /** The ids of a text, nothing added. Special tokens written in the text are recognised. */
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  /** The id of a token as it stands in the vocabulary. */
  tokenId(token: string): number | undefined;
}

/** @throws ModelError `bad_tokenizer` */
export async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const json = await readJson(files, 'tokenizer.json');
  if (json === undefined) throw new ModelError('bad_tokenizer', `${files.name} has no tokenizer.json.`);
  return makeTokenizer(json, (await readJson(files, 'tokenizer_config.json')) ?? {}, files.name);
}

/** @param json a parsed tokenizer.json, @param config a parsed tokenizer_config.json */
export function makeTokenizer(json: unknown, config: unknown = {}, name = 'The model'): Tokenizer {
  let tokenizer: HubTokenizer;
  try {
    tokenizer = new HubTokenizer(json as object, config as object);
  } catch (error) {
    throw new ModelError(
      'bad_tokenizer',
      `${name} has a tokenizer.json that cannot be used: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return {
    encode: (text) => Int32Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids),
    decode: (ids, { skipSpecialTokens = false } = {}) =>
      ids.length === 0
        ? ''
        : tokenizer.decode(Array.from(ids), {
            skip_special_tokens: skipSpecialTokens,
            clean_up_tokenization_spaces: false,
          }),
    tokenId: (token) => tokenizer.token_to_id(token),
  };
}
