// A tokenizer.json before it is used: each part and option must be one that is computed here, and of the right type. What
// @huggingface/tokenizers 0.2.0 computes otherwise than Hugging Face's own tokenizers is written in words that both
// understand alike.

import { isObject } from '@ludic/io';
import { namesShown, refusalOf, shown, sortFields } from '../config/known-fields.ts';
import { isNatural, type Json } from '../config/model-config.ts';
import {
  ADDED_TOKEN,
  DECODERS,
  NORMALIZERS,
  type Option,
  type OptionType,
  type PartTable,
  PRE_TOKENIZERS,
  TOKENIZER_CONFIG_FIELDS,
  TOKENIZER_FIELDS,
  TOKENIZER_MODELS,
} from './tokenizer-fields.ts';

/** What is wrong with it, as a clause. */
export class TokenizerFault extends Error {}

export interface UnderstoodTokenizer {
  readonly json: Json;
  readonly config: Json;
  /** Fields of tokenizer_config.json that are not heeded. */
  readonly unheeded: readonly string[];
}

/**
 * @param json a parsed tokenizer.json, @param config a parsed tokenizer_config.json
 * @throws TokenizerFault
 */
export function understoodTokenizer(json: unknown, config: unknown): UnderstoodTokenizer {
  if (!isObject(config)) throw new TokenizerFault('tokenizer_config.json holds no object');
  const said = sortFields(config, TOKENIZER_CONFIG_FIELDS);
  if (said.refused[0] !== undefined) throw new TokenizerFault(`tokenizer_config.json says that ${said.refused[0]}`);
  if (!isObject(json)) throw new TokenizerFault('tokenizer.json holds no object');
  const { unknown } = sortFields(json, TOKENIZER_FIELDS);
  if (unknown.length > 0)
    throw new TokenizerFault(
      `${namesShown(unknown)} of tokenizer.json is not known, and may change how texts are split`,
    );
  const model = part('model', withModelType(json.model), TOKENIZER_MODELS, (one) => one);
  if (!model) throw new TokenizerFault('tokenizer.json has no model');
  const preTokenizer = part('pre_tokenizer', prefixed(json.pre_tokenizer, config), PRE_TOKENIZERS, preTokenizerAlike);
  return {
    json: {
      ...json,
      model,
      pre_tokenizer: preTokenizer,
      normalizer: part('normalizer', json.normalizer, NORMALIZERS, replaceAlike),
      decoder: part('decoder', json.decoder, DECODERS, decoderAlike),
      post_processor: null,
      added_tokens: addedTokens(json.added_tokens, config.added_tokens_decoder),
    },
    config: { ...config, additional_special_tokens: texts(config.additional_special_tokens) },
    unheeded: said.unheeded,
  };
}

/** Checks a part and those in it. @param alike writes one in words that are understood alike */
function part(kind: string, json: unknown, table: PartTable, alike: (json: Json) => Json): Json | null {
  if (json == null) return null;
  if (!isObject(json)) throw new TokenizerFault(`${kind} of tokenizer.json is ${shown(json)}; an object is needed`);
  const type = json.type;
  if (type === undefined) throw new TokenizerFault(`the ${kind} has no type`);
  if (typeof type !== 'string' || !Object.hasOwn(table, type))
    throw new TokenizerFault(`the ${kind} ${shown(type)} is not known. Known: ${Object.keys(table).join(', ')}`);
  const { type: _, ...options } = json;
  check(`the ${kind} ${type}`, options, table[type]!);
  const [inner] = Object.entries(table[type]!).find(([, option]) => option === 'parts') ?? [];
  if (inner === undefined) return alike(json);
  const parts = (json[inner] ?? []) as readonly unknown[];
  return { ...json, [inner]: parts.map((one) => part(kind, one, table, alike)) };
}

function check(what: string, options: Json, table: Readonly<Record<string, Option>>): void {
  for (const [name, value] of Object.entries(options)) {
    const option = Object.hasOwn(table, name) ? table[name]! : undefined;
    if (option === undefined) throw new TokenizerFault(`${what} says ${name}, which is not known`);
    if (typeof option === 'object') {
      const reason = refusalOf(name, value, option);
      if (reason !== undefined) throw new TokenizerFault(`${what} says that ${reason}`);
    } else if (option !== 'harmless' && value !== null) {
      const [is, needed] = TYPES[option];
      if (!is(value)) throw new TokenizerFault(`${what} says that ${name} is ${shown(value)}; ${needed} needed`);
    }
  }
  const lacking = Object.keys(table).find((name) => NEVER_LACKING.has(table[name]!) && options[name] == null);
  if (lacking !== undefined) throw new TokenizerFault(`${what} has no ${lacking}`);
}

const NEVER_LACKING: ReadonlySet<Option> = new Set<Option>(['pattern', 'vocab', 'scores', 'merges', 'parts']);

/** What each type is, and in words what is needed. */
const TYPES: Readonly<Record<OptionType, readonly [is: (value: unknown) => boolean, needed: string]>> = {
  flag: [(value) => typeof value === 'boolean', 'true or false is'],
  text: [(value) => typeof value === 'string', 'a text is'],
  count: [isNatural, 'a whole number is'],
  pattern: [isPattern, '{"String": …} or {"Regex": …} is'],
  parts: [Array.isArray, 'a list is'],
  vocab: [(value) => isObject(value) && Object.values(value).every(isNatural), 'an id for each token is'],
  scores: [(value) => Array.isArray(value) && value.every(isScore), 'a list of tokens with their scores is'],
  merges: [(value) => Array.isArray(value) && value.every(isMerge), 'a list of pairs is'],
};

function isPattern(value: unknown): boolean {
  return isObject(value) && typeof (value.String ?? value.Regex) === 'string';
}

const isScore = (one: unknown): boolean =>
  Array.isArray(one) && typeof one[0] === 'string' && typeof one[1] === 'number';

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string'
    ? merge.split(' ').length === 2
    : Array.isArray(merge) && merge.length === 2 && merge.every((half) => typeof half === 'string');

/** Files of the first versions do not say it. */
const withModelType = (model: unknown): unknown =>
  isObject(model) && model.type === undefined && model.merges !== undefined ? { type: 'BPE', ...model } : model;

/** As transformers, which heeds add_prefix_space of tokenizer_config.json before that of tokenizer.json. */
const prefixed = (json: unknown, { add_prefix_space: wanted }: Json): unknown =>
  isObject(json) && json.type === 'ByteLevel' && typeof wanted === 'boolean'
    ? { ...json, add_prefix_space: wanted }
    : json;

function addedTokens(json: unknown, decoder: unknown): readonly Json[] {
  if (json != null && !Array.isArray(json))
    throw new TokenizerFault(`added_tokens of tokenizer.json is ${shown(json)}; a list is needed`);
  const tokens = (json ?? []).map((token: unknown) => addedToken('added_tokens of tokenizer.json', token));
  if (decoder == null) return tokens;
  if (!isObject(decoder)) throw new TokenizerFault('added_tokens_decoder of tokenizer_config.json is no object');
  const known = new Set(tokens.flatMap(({ id, content }) => [id, content]));
  const more = Object.entries(decoder)
    .map(([id, token]) =>
      addedToken(
        'added_tokens_decoder of tokenizer_config.json',
        isObject(token) ? { ...token, id: Number(id) } : token,
      ),
    )
    .filter(({ id, content }) => !known.has(id) && !known.has(content));
  return [...tokens, ...more];
}

function addedToken(where: string, token: unknown): Json {
  if (!isObject(token) || typeof token.content !== 'string' || !isNatural(token.id))
    throw new TokenizerFault(`${where} holds ${shown(token)}; an id and a content are needed`);
  const { __type: _, ...fields } = token;
  check(`the added token ${shown(token.content)}`, fields, ADDED_TOKEN);
  return fields;
}

/** Tokens as texts, however they are written. */
const texts = (tokens: unknown): readonly string[] =>
  (Array.isArray(tokens) ? tokens : [])
    .map((token) => (isObject(token) ? token.content : token))
    .filter((token) => typeof token === 'string');

/** What is put in place of a pattern is no pattern itself. */
const replaceAlike = (json: Json): Json =>
  json.type === 'Replace' && typeof json.content === 'string'
    ? { ...json, content: json.content.replaceAll('$', '$$$$') }
    : json;

const split = (regex: string, how: { readonly removed?: boolean; readonly invert?: boolean } = {}): Json => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: how.removed ? 'Removed' : 'Isolated',
  invert: how.invert ?? false,
});

const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION = '[\\p{P}!-/:-@\\[-`{-~]';

function preTokenizerAlike(json: Json): Json {
  switch (json.type) {
    // There \d and \w are ASCII alone, \s has U+FEFF, and a length counts halves of characters.
    case 'ByteLevel':
      return json.use_regex === false || json.add_prefix_space === true
        ? json
        : { type: 'Sequence', pretokenizers: [split(GPT2_WORDS), { ...json, use_regex: false }] };
    case 'WhitespaceSplit':
      return split('\\s+', { removed: true });
    case 'Digits':
      return split(json.individual_digits ? '\\p{N}' : '\\p{N}+');
    case 'Whitespace':
      return split('\\w+|[^\\w\\s]+', { removed: true, invert: true });
    case 'FixedLength':
      return split(`[\\s\\S]{1,${json.length ?? 5}}`);
    // It is always contiguous there.
    case 'Punctuation':
      return behaving('Punctuation', PUNCTUATION, json);
    case 'Split': {
      const { String: text, Regex: regex } = json.pattern as { readonly String?: string; readonly Regex?: string };
      return behaving('Split', regex ?? escaped(text!), json, text);
    }
    case 'Metaspace':
      return metaspacePieces(metaspaceAlike(json));
    default:
      return json;
  }
}

/** How pieces are cut at what a pattern finds. Only Isolated and Removed are computed there, and not both ways round. */
function behaving(what: string, regex: string, { behavior = 'Isolated', invert }: Json, text?: string): Json {
  const refuse = (): never => {
    throw new TokenizerFault(
      `the pre_tokenizer ${what} says that behavior is ${shown(behavior)}${invert ? ' and invert true' : ''}, which is not computed here`,
    );
  };
  switch (behavior) {
    case 'Isolated':
      return split(regex);
    case 'Removed':
      return split(regex, { removed: true, invert: invert === true });
    case 'Contiguous':
      return invert ? refuse() : split(`(?:${regex})+`);
    case 'MergedWithNext':
      return !invert && text !== undefined && isOneCharacter(text) ? split(`${regex}[^${escaped(text)}]*`) : refuse();
    case 'MergedWithPrevious':
      // Only where the last match ended: begun anywhere, a text without the character takes quadratic time.
      return !invert && text !== undefined && isOneCharacter(text)
        ? split(`(?<![^${escaped(text)}])[^${escaped(text)}]*${regex}`)
        : refuse();
    default:
      return refuse();
  }
}

const isOneCharacter = (text: string): boolean => Array.from(text).length === 1;
const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

const SCHEMES: readonly unknown[] = ['always', 'first', 'never'];

/** Older files say add_prefix_space where newer ones say prepend_scheme. */
function metaspaceAlike(json: Json): Json {
  if (json.type !== 'Metaspace') return json;
  const scheme = json.prepend_scheme ?? (json.add_prefix_space === false ? 'never' : 'always');
  if (!SCHEMES.includes(scheme)) throw new TokenizerFault(`Metaspace says that prepend_scheme is ${shown(scheme)}`);
  const { replacement = '▁' } = json;
  if (!isOneCharacter(replacement as string))
    throw new TokenizerFault(`Metaspace says that replacement is ${shown(replacement)}; one character is needed`);
  return { ...json, replacement, prepend_scheme: scheme };
}

/** A space at the beginning is always left out there. */
function decoderAlike(json: Json): Json {
  const { type, replacement, prepend_scheme: scheme } = metaspaceAlike(json);
  return type === 'Metaspace' && scheme === 'never'
    ? { type: 'Replace', pattern: { String: replacement }, content: ' ' }
    : replaceAlike(json);
}

/** Words begin at each replacement of a space, unless it says otherwise. */
function metaspacePieces(json: Json): Json {
  if (json.split === false) return json;
  const mark = escaped(json.replacement as string);
  return { type: 'Sequence', pretokenizers: [json, split(`${mark}[^${mark}]*`)] };
}
