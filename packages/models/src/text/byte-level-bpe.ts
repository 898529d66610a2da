// A byte-level BPE tokenizer in the layout of tokenizer.json, from its parts.

import type { Json } from '../config/model-config.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A token that is recognised as a whole. @param flags those that say true are set */
export const addedToken = (id: number, content: string, flags: Json = {}): AddedToken => ({
  id,
  content,
  single_word: flags.single_word === true,
  lstrip: flags.lstrip === true,
  rstrip: flags.rstrip === true,
  normalized: flags.normalized === true,
  special: flags.special === true,
});

export interface ByteLevelBpe {
  readonly addedTokens: readonly AddedToken[];
  /** Ids by token, bytes written as GPT-2 writes them. */
  readonly vocab: unknown;
  /** Pairs, the most frequent first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Split words as GPT-2 does before merging; otherwise a whole text may become one token. */
  readonly splitWords: boolean;
  readonly addPrefixSpace: boolean;
}

/** The model of a tokenizer.json. @param more options that are not the usual ones */
export const bpeModel = (vocab: unknown, merges: ByteLevelBpe['merges'], more: Json = {}): Json => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  vocab,
  merges,
  ...more,
});

/** A tokenizer.json as data. */
export function byteLevelBpe({ addedTokens, vocab, merges, splitWords, addPrefixSpace }: ByteLevelBpe): object {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: addPrefixSpace,
    trim_offsets: false,
    use_regex: splitWords,
  };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: bpeModel(vocab, merges),
  };
}
