// The tokenizer.json and tokenizer_config.json that the metadata of a GGUF file amount to: byte-level BPE ("gpt2") and
// SentencePiece with scores ("llama").

import { shown } from '../config/known-fields.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { addedToken, bpeModel } from '../text/byte-level-bpe.ts';
import type { GgufMetadata } from './metadata.ts';
import { BYTES, WORDS } from './words.ts';

/** Kinds of tokens, by GGUF's numbers. */
export const KINDS = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

interface Vocabulary {
  readonly tokens: readonly string[];
  /** One for each token; all normal where the file says none. */
  readonly kinds: readonly number[];
}

/** tokenizer.json as data. @throws ModelError `bad_tokenizer` */
export function ggufTokenizer(metadata: GgufMetadata): Json {
  const model = metadata.text('tokenizer.ggml.model');
  if (model === undefined) throw bad('there is none in it');
  const vocabulary = readVocabulary(metadata);
  switch (model) {
    case 'gpt2':
      return tokenizerJson(vocabulary, byteLevelParts(metadata, vocabulary));
    case 'llama':
      return tokenizerJson(vocabulary, sentencePieceParts(metadata, vocabulary));
    default:
      throw bad(`it is of the kind ${shown(model)}. Known: gpt2, llama`);
  }
}

/** tokenizer_config.json as data: special tokens as texts, and the chat template. */
export function ggufTokenizerConfig(metadata: GgufMetadata): Json {
  const tokens = metadata.texts('tokenizer.ggml.tokens') ?? [];
  const named = (field: string) => {
    const id = metadata.number(`tokenizer.ggml.${field}_token_id`);
    return id === undefined ? undefined : tokens[id];
  };
  const texts = {
    bos_token: named('bos'),
    eos_token: named('eos'),
    unk_token: named('unknown'),
    pad_token: named('padding'),
  };
  const template = metadata.text('tokenizer.chat_template');
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)),
    ...(template !== undefined && { chat_template: template }),
  };
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  if (!tokens) throw bad('it has no tokens');
  const kinds = metadata.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => KINDS.normal);
  if (kinds.length !== tokens.length) throw bad(`it has ${tokens.length} tokens and ${kinds.length} kinds of them`);
  return { tokens, kinds };
}

interface TokenizerParts {
  readonly normalizer: Json | null;
  readonly pre_tokenizer: Json | null;
  readonly decoder: Json;
  readonly model: Json;
}

const tokenizerJson = ({ tokens, kinds }: Vocabulary, parts: TokenizerParts): Json => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: tokens.flatMap((content, id) => {
    const kind = kinds[id]!;
    const special = kind === KINDS.control || kind === KINDS.unknown;
    return special || kind === KINDS.userDefined ? [addedToken(id, content, { special })] : [];
  }),
  post_processor: null,
  ...parts,
});

/** Ids by token. A token that stands twice keeps its first id, as the others are never written. */
function idsOf({ tokens }: Vocabulary): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (!ids.has(token)) ids.set(token, id);
  return ids;
}

/** A prototype would take the token `__proto__` for itself. */
const bpe = (ids: ReadonlyMap<string, number>, merges: readonly (readonly [string, string])[], more: Json): Json =>
  bpeModel(Object.fromEntries(ids), merges, more);

function byteLevelParts(metadata: GgufMetadata, vocabulary: Vocabulary): TokenizerParts {
  const ids = idsOf(vocabulary);
  const name = metadata.text('tokenizer.ggml.pre');
  const words = name === undefined ? undefined : WORDS[name];
  if (!words) {
    const what =
      name === undefined
        ? 'it does not say how words are split (tokenizer.ggml.pre)'
        : `it splits words by ${shown(name)}`;
    throw bad(`${what}. Known: ${Object.keys(WORDS).join(', ')}`);
  }
  return {
    normalizer: words.normalizer ?? null,
    pre_tokenizer: words.split,
    decoder: BYTES,
    model: bpe(ids, readMerges(metadata, ids), { ignore_merges: words.wholeWords ?? false }),
  };
}

function readMerges(metadata: GgufMetadata, ids: ReadonlyMap<string, number>): (readonly [string, string])[] {
  const merges = metadata.texts('tokenizer.ggml.merges');
  if (!merges) throw bad('it has no merges');
  return merges.map((merge) => {
    // One of the two may hold a space itself, where a vocabulary was made by hand: never the first character.
    const space = merge.indexOf(' ', 1);
    const pair = [merge.slice(0, space), merge.slice(space + 1)] as const;
    const lacking = space < 0 ? merge : [...pair, pair.join('')].find((token) => !ids.has(token));
    if (lacking !== undefined) throw bad(`its merge ${shown(merge)} is no pair of tokens that make a token`);
    return pair;
  });
}

const SPACE = '▁';

/** Characters are merged to the piece with the best score first; what is no piece is written in bytes. */
function sentencePieceParts(metadata: GgufMetadata, vocabulary: Vocabulary): TokenizerParts {
  const { tokens, kinds } = vocabulary;
  const scores = metadata.numbers('tokenizer.ggml.scores');
  if (!scores || scores.length !== tokens.length)
    throw bad(`it has ${tokens.length} tokens and ${scores?.length ?? 'no'} scores`);
  const prefixed = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const unknown = kinds.indexOf(KINDS.unknown);
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  return {
    normalizer: prefixed ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, spaces] } : spaces,
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: bpe(idsOf(vocabulary), mergesByScore(vocabulary, scores), {
      byte_fallback: true,
      fuse_unk: true,
      ...(unknown >= 0 && { unk_token: tokens[unknown] }),
    }),
  };
}

/** The time that a piece takes grows with the square of its length; those of published models have at most 31. */
const LONGEST_PIECE = 256;

/** Each way to make a piece of two others, the best pieces first. */
function mergesByScore({ tokens, kinds }: Vocabulary, scores: readonly number[]): (readonly [string, string])[] {
  const pieces = new Set(tokens.filter((_, id) => kinds[id] === KINDS.normal));
  const merges: { readonly pair: readonly [string, string]; readonly score: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    if (kinds[id] !== KINDS.normal) continue;
    if (token.length > LONGEST_PIECE) throw bad(`a piece of it has ${token.length} characters`);
    for (let at = 1; at < token.length; at++) {
      const pair = [token.slice(0, at), token.slice(at)] as const;
      if (pieces.has(pair[0]) && pieces.has(pair[1])) merges.push({ pair, score: scores[id]! });
    }
  }
  const byLength = (a: readonly [string, string], b: readonly [string, string]) =>
    b[0].length - a[0].length || b[1].length - a[1].length;
  return merges.sort((a, b) => b.score - a.score || byLength(a.pair, b.pair)).map(({ pair }) => pair);
}

const bad = (what: string) =>
  new ModelError('bad_tokenizer', `The tokenizer of the GGUF file cannot be used: ${what}.`);
