// How byte-level tokenizers split words. GGUF names the ways and does not say them: what a name stands for is here, as the
// tokenizer.json of the models in question have it.

import { isObject } from '@ludic/io';
import type { Json } from '../config/model-config.ts';

export interface Words {
  readonly normalizer?: Json;
  readonly split: Json;
  /** A word that is a token as it stands is not merged from its bytes. */
  readonly wholeWords?: boolean;
}

export const BYTES: Json = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const sequence = (...pretokenizers: readonly Json[]): Json => ({ type: 'Sequence', pretokenizers });
const pattern = (regex: string): Json =>
  sequence(
    { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
    { ...BYTES, use_regex: false },
  );

/** The words of Llama 3 and Qwen2, which differ in how many digits are one. */
const modern = (digits: string): Json =>
  pattern(
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  );

const GPT2: Words = { split: BYTES };
const DIGITS: Words = { split: sequence({ type: 'Digits', individual_digits: true }, BYTES) };
const LLAMA3: Words = { split: modern('\\p{N}{1,3}'), wholeWords: true };
const QWEN2: Words = { normalizer: { type: 'NFC' }, split: modern('\\p{N}') };

/** What `tokenizer.ggml.pre` stands for. */
export const WORDS: Readonly<Record<string, Words>> = {
  'gpt-2': GPT2,
  smollm: DIGITS,
  starcoder: DIGITS,
  refact: DIGITS,
  'llama-bpe': LLAMA3,
  'llama-v3': LLAMA3,
  llama3: LLAMA3,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
};

/** GGUF's name for a way to split words, undefined where it has none. */
export function nameOfWords(split: unknown, normalizer: unknown): string | undefined {
  const text = (way: unknown, own: unknown) => JSON.stringify([plain(way), plain(own ?? null)]);
  const wanted = text(split, normalizer);
  return Object.keys(WORDS).find((name) => text(WORDS[name]!.split, WORDS[name]!.normalizer) === wanted);
}

/** A part with its options in one order, without what changes no token, and with its defaults left out. */
function plain(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(plain);
  if (!isObject(part)) return part;
  const said = Object.entries(part).filter(
    ([option, value]) => option !== 'trim_offsets' && DEFAULTS[option] !== value,
  );
  return Object.fromEntries(said.sort(([a], [b]) => (a < b ? -1 : 1)).map(([option, value]) => [option, plain(value)]));
}

const DEFAULTS: Readonly<Record<string, unknown>> = { use_regex: true, invert: false, add_prefix_space: false };
