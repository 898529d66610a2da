// A tokenizer.json as the metadata of a GGUF file: tokens, their kinds, merges or scores, and how words are split.

import { isObject } from '@ludic/io';
import { shown } from '../config/known-fields.ts';
import type { Json, ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { KINDS } from './tokenizer.ts';
import type { GgufFields } from './traits.ts';
import { nameOfWords } from './words.ts';

/**
 * @param json a parsed tokenizer.json, @param said a parsed tokenizer_config.json
 * @throws ModelError `bad_tokenizer` where GGUF has no name for how it splits words: others would split them otherwise
 */
export function tokenizerFields(json: Json, said: Json, config: ModelConfig): GgufFields {
  const model = record(json.model);
  if (model.type !== 'BPE' || !Array.isArray(model.merges)) throw unsaid(`its model is ${shown(model.type)}`);
  const { tokens, kinds } = vocabularyOf(json, model, config);
  const merges = model.merges.map((merge: string | readonly string[]) =>
    typeof merge === 'string' ? merge : merge.join(' '),
  );
  const own = model.byte_fallback === true ? scoredFields(json, tokens, kinds, merges) : byteFields(json, merges);
  const id = (value: number | undefined) => (value === undefined ? undefined : { u32: value });
  const { chat_template: template, add_bos_token: addsBegin } = said;
  return {
    ...own,
    'tokenizer.ggml.tokens': { texts: tokens },
    'tokenizer.ggml.token_type': { i32s: kinds },
    'tokenizer.ggml.bos_token_id': id(config.bosTokenId),
    'tokenizer.ggml.eos_token_id': id(config.eosTokenIds[0]),
    'tokenizer.ggml.eot_token_id': id(config.eosTokenIds[1]),
    'tokenizer.ggml.eom_token_id': id(config.eosTokenIds[2]),
    'tokenizer.ggml.padding_token_id': id(config.padTokenId),
    'tokenizer.ggml.add_bos_token': typeof addsBegin === 'boolean' ? addsBegin : writesBegin(json, tokens, config),
    'tokenizer.chat_template': typeof template === 'string' ? template : undefined,
  };
}

/** A token for each row of the model, with its kind. Rows that the tokenizer has no token for get names of their own. */
function vocabularyOf(json: Json, model: Json, { vocabSize }: ModelConfig) {
  const tokens: string[] = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const kinds: number[] = tokens.map(() => KINDS.unused);
  const put = (id: unknown, token: unknown, kind: number) => {
    tokens[id as number] = token as string;
    kinds[id as number] = kind;
  };
  for (const [token, id] of Object.entries(record(model.vocab))) {
    const isByte = model.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(token);
    put(id, token, isByte ? KINDS.byte : KINDS.normal);
  }
  for (const { id, content, special } of (Array.isArray(json.added_tokens) ? json.added_tokens : []).map(record)) {
    const kind = special === true ? KINDS.control : KINDS.userDefined;
    put(id, content, content === model.unk_token ? KINDS.unknown : kind);
  }
  if (tokens.length > vocabSize) throw unsaid(`it has ${tokens.length} tokens, and the model ${vocabSize} rows`);
  return { tokens, kinds };
}

/** Whether a text that is encoded begins with the token that begins texts. */
function writesBegin(json: Json, tokens: readonly string[], { bosTokenId }: ModelConfig): boolean {
  const begin = bosTokenId === undefined ? undefined : tokens[bosTokenId];
  return begin !== undefined && JSON.stringify(json.post_processor ?? null).includes(JSON.stringify(begin));
}

function byteFields(json: Json, merges: readonly string[]): GgufFields {
  const name = nameOfWords(json.pre_tokenizer, json.normalizer);
  if (name === undefined) throw unsaid('it splits words in a way that GGUF has no name for');
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': name,
    'tokenizer.ggml.merges': { texts: merges },
  };
}

/** What SentencePiece itself does before it splits, in the words of older and newer files. */
const USUAL = new Set(['Sequence', 'Prepend', 'Replace', 'Metaspace', 'Split']);

/** As older and newer files say whether a space goes before a text. */
const isPrefixing = (part: unknown): boolean =>
  isObject(part) && part.type === 'Metaspace' && part.prepend_scheme !== 'never' && part.add_prefix_space !== false;

/** The types of all parts in a part. */
function typesIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(typesIn);
  if (!isObject(part)) return [];
  const own = typeof part.type === 'string' ? [part.type] : [];
  return [...own, ...Object.values(part).flatMap(typesIn)];
}

/** SentencePiece: the score of a piece falls with the place of the first merge that makes it. */
function scoredFields(
  json: Json,
  tokens: readonly string[],
  kinds: readonly number[],
  merges: readonly string[],
): GgufFields {
  const types = typesIn([json.normalizer, json.pre_tokenizer]);
  const other = types.find((type) => !USUAL.has(type));
  if (other !== undefined) throw unsaid(`it has the part ${other}, which GGUF cannot say`);
  const places = new Map<string, number>();
  for (const [place, merge] of merges.entries()) {
    const piece = merge.replace(' ', '');
    if (!places.has(piece)) places.set(piece, place);
  }
  const score = (token: string) => -(places.get(token) ?? merges.length);
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.scores': { f32s: tokens.map((token, id) => (kinds[id] === KINDS.normal ? score(token) : 0)) },
    'tokenizer.ggml.add_space_prefix': types.includes('Prepend') || isPrefixing(json.pre_tokenizer),
  };
}

const record = (value: unknown): Json => (isObject(value) ? value : {});

const unsaid = (what: string) =>
  new ModelError(
    'bad_tokenizer',
    `The tokenizer cannot be written to a GGUF file: ${what}. Export the model as a folder.`,
  );
