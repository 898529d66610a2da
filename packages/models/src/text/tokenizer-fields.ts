// The parts of a tokenizer.json that are computed here, with their options, and the fields of tokenizer_config.json.
// What is in no table would give other ids or other texts, and is refused by name. Source: Hugging Face tokenizers 0.23,
// with which tests/python-tokenizers.test.ts compares each part.

import { computed, type FieldTable, harmless, type Refusal, refused, told } from '../config/known-fields.ts';

/** What an option must be where it is there. `parts`: others of the same kind. */
export type OptionType = 'flag' | 'text' | 'count' | 'pattern' | 'parts' | 'vocab' | 'scores' | 'merges';
export type Option = OptionType | 'harmless' | Refusal;
/** The options of each part of a kind, by its type. */
export type PartTable = Readonly<Record<string, Readonly<Record<string, Option>>>>;

export const NORMALIZERS: PartTable = {
  Sequence: { normalizers: 'parts' },
  NFC: {},
  NFD: {},
  NFKC: {},
  NFKD: {},
  Lowercase: {},
  StripAccents: {},
  Strip: { strip_left: 'flag', strip_right: 'flag' },
  Replace: { pattern: 'pattern', content: 'text' },
  Prepend: { prepend: 'text' },
  BertNormalizer: { clean_text: 'flag', handle_chinese_chars: 'flag', strip_accents: 'flag', lowercase: 'flag' },
};

const BYTE_LEVEL = { add_prefix_space: 'flag', trim_offsets: 'harmless', use_regex: 'flag' } as const;
const METASPACE = {
  replacement: 'text',
  prepend_scheme: 'text',
  split: 'flag',
  add_prefix_space: 'flag',
  str_rep: 'harmless',
} as const;

export const PRE_TOKENIZERS: PartTable = {
  Sequence: { pretokenizers: 'parts' },
  ByteLevel: BYTE_LEVEL,
  Metaspace: METASPACE,
  Split: { pattern: 'pattern', behavior: 'text', invert: 'flag' },
  Digits: { individual_digits: 'flag' },
  Punctuation: { behavior: 'text' },
  Whitespace: {},
  WhitespaceSplit: {},
  BertPreTokenizer: {},
  FixedLength: { length: 'count' },
};

export const DECODERS: PartTable = {
  Sequence: { decoders: 'parts' },
  ByteLevel: { ...BYTE_LEVEL, add_prefix_space: 'harmless', use_regex: 'harmless' },
  Metaspace: METASPACE,
  Replace: { pattern: 'pattern', content: 'text' },
  Strip: { content: 'text', start: 'count', stop: 'count' },
  BPEDecoder: { suffix: 'text' },
  WordPiece: { prefix: 'text', cleanup: 'flag' },
  Fuse: {},
  ByteFallback: {},
};

export const TOKENIZER_MODELS: PartTable = {
  BPE: {
    vocab: 'vocab',
    merges: 'merges',
    unk_token: 'text',
    fuse_unk: 'flag',
    byte_fallback: 'flag',
    ignore_merges: 'flag',
    // Merges that are left out by chance: another text each time.
    dropout: { fine: [0] },
    continuing_subword_prefix: { fine: [''] },
    end_of_word_suffix: { fine: [''] },
  },
  Unigram: { vocab: 'scores', unk_id: 'count', byte_fallback: {} },
  WordPiece: {
    vocab: 'vocab',
    unk_token: 'text',
    continuing_subword_prefix: 'text',
    max_input_chars_per_word: 'count',
  },
};

export const ADDED_TOKEN: Readonly<Record<string, Option>> = {
  id: 'count',
  content: 'text',
  lstrip: 'flag',
  rstrip: 'flag',
  normalized: 'flag',
  special: 'flag',
  single_word: {},
};

export const TOKENIZER_FIELDS: FieldTable = {
  ...computed('added_tokens normalizer pre_tokenizer model decoder'),
  // The post_processor writes special tokens around a text, which the chat template does here. Prompts are never cut or
  // filled up by the tokenizer.
  ...harmless('version post_processor truncation padding'),
};

export const TOKENIZER_CONFIG_FIELDS: FieldTable = {
  ...computed(`
    add_prefix_space added_tokens_decoder additional_special_tokens bos_token chat_template cls_token eos_token
    mask_token pad_token sep_token unk_token
  `),
  // Of these, texts are shown as the model wrote them whatever clean_up_tokenization_spaces says, and what
  // extra_special_tokens names is among the added tokens too.
  ...harmless(`
    add_bos_token add_eos_token audio_token backend boa_token boi_token bos_token_id clean_up_tokenization_spaces
    device_map do_lower_case eoa_token eoi_token eot_token eos_token_id errors extra_special_tokens fill_token
    fix_mistral_regex from_slow image_token is_local legacy local_files_only max_length merges_file middle_token
    model_input_names model_max_length model_specific_special_tokens name_or_path pad_to_multiple_of pad_token_id
    pad_token_type_id padding_side prefix_token processor_class response_schema return_attention_mask
    return_token_type_ids sp_model_kwargs spaces_between_special_tokens special_tokens_map_file stride suffix_first
    suffix_token tokenizer_class tokenizer_file transformers_version truncation_side truncation_strategy
    trust_remote_code unk_token_id use_default_system_prompt use_fast video_token vision_bos_token vision_eos_token
    vocab_file vocab_size
  `),
  // Code of its own that others run for it.
  ...told('auto_map'),
  ...refused('split_special_tokens remove_space do_lowercase_and_remove_accent'),
};
