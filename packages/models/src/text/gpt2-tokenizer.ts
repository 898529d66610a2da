// GPT-2's older tokenizer files, vocab.json and merges.txt, to the tokenizer.json that says the same: byte-level BPE
// with GPT-2's word splitting. Everything that a tokenizer.json states and these files leave open is GPT-2's default.

import { isObject } from '@ludic/io';
import { type ModelFiles, readJson } from '../checkpoints/model-files.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { type AddedToken, addedToken, byteLevelBpe } from './byte-level-bpe.ts';

/** GPT-2's only special token: begin, end and unknown in one. */
export const END_OF_TEXT = '<|endoftext|>';

/** The tokenizer.json, as data, that vocab.json and merges.txt amount to. @throws ModelError `bad_tokenizer` */
export async function readGpt2Tokenizer(files: ModelFiles): Promise<object> {
  const { name } = files;
  const vocabFile = await files.read('vocab.json');
  const mergesFile = await files.read('merges.txt');
  if (!vocabFile || !mergesFile) {
    const lacking = vocabFile
      ? 'merges.txt beside its vocab.json'
      : mergesFile
        ? 'vocab.json beside its merges.txt'
        : 'vocab.json and merges.txt either';
    throw bad(`${name} has no tokenizer.json, and no ${lacking}. Fetch the model again with its tokenizer.`);
  }
  const json = parseVocab(vocabFile, name);
  const read = async (file: string) => record(await readJson(files, file));
  const config = await read('tokenizer_config.json');
  const specialTokens = await read('special_tokens_map.json');
  const addedIds = await read('added_tokens.json');
  const { tokenizer_class: kind } = config;
  // Qwen2 and others ship the same two files but split words in another way: ids would be silently wrong.
  if (typeof kind === 'string' && !/^GPT2Tokenizer(Fast)?$/.test(kind)) {
    throw bad(
      `${name} has no tokenizer.json, and its tokenizer_class ${kind} is not the GPT2Tokenizer that ` +
        'vocab.json and merges.txt are enough for. Add a tokenizer.json.',
    );
  }
  const vocab = checkVocab(json, name);
  return byteLevelBpe({
    addedTokens: collectAddedTokens(vocab, config, specialTokens, addedIds),
    vocab: json,
    merges: parseMerges(new TextDecoder().decode(mergesFile), vocab, name),
    splitWords: true,
    addPrefixSpace: config.add_prefix_space === true,
  });
}

function parseVocab(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw bad(`vocab.json of ${name} is damaged: it is no JSON. Fetch the file again.`, { cause: error });
  }
}

/** The text of a special token, written as a text or as an added-token object. */
export function tokenText(value: unknown): string | undefined {
  const text = typeof value === 'object' && value !== null ? (value as Json).content : value;
  return typeof text === 'string' && text !== '' ? text : undefined;
}

function checkVocab(json: unknown, name: string): ReadonlyMap<string, number> {
  const damaged = (what: string) => bad(`vocab.json of ${name} is damaged: ${what}. Fetch the file again.`);
  if (!isObject(json)) throw damaged('it holds no object');
  const owners = new Map<number, string>();
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(json)) {
    const quoted = JSON.stringify(token);
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)
      throw damaged(`the id of ${quoted} is ${JSON.stringify(id)} and should be a whole number`);
    const owner = owners.get(id);
    if (owner !== undefined) throw damaged(`${JSON.stringify(owner)} and ${quoted} have the same id ${id}`);
    owners.set(id, token);
    vocab.set(token, id);
  }
  if (vocab.size === 0) throw damaged('it has no tokens');
  return vocab;
}

function parseMerges(text: string, vocab: ReadonlyMap<string, number>, name: string): [string, string][] {
  const merges: [string, string][] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#version')) continue;
    const damaged = (what: string) =>
      bad(`merges.txt of ${name} is damaged: line ${i + 1}, ${JSON.stringify(line)}, ${what}. Fetch the file again.`);
    const [left, right, ...rest] = line.split(' ');
    if (!left || !right || rest.length > 0) throw damaged('is not two tokens with a space between');
    const missing = [left, right, left + right].find((token) => !vocab.has(token));
    if (missing !== undefined) throw damaged(`needs the token ${JSON.stringify(missing)}, which vocab.json lacks`);
    merges.push([left, right]);
  }
  return merges;
}

/** Tokens that are recognised as a whole in a text. Those without an id anywhere come after all others. */
function collectAddedTokens(
  vocab: ReadonlyMap<string, number>,
  config: Json,
  map: Json,
  addedIds: Json,
): readonly AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  for (const [id, value] of Object.entries(record(config.added_tokens_decoder))) {
    const content = tokenText(value);
    if (content !== undefined) tokens.set(content, addedToken(Number(id), content, record(value)));
  }
  for (const [content, id] of Object.entries(addedIds))
    if (typeof id === 'number' && !tokens.has(content)) tokens.set(content, addedToken(id, content));
  const named = [config, map].flatMap((json) => [
    ...['bos_token', 'eos_token', 'unk_token', 'pad_token'].map((key) => json[key]),
    ...(Array.isArray(json.additional_special_tokens) ? json.additional_special_tokens : []),
  ]);
  // A vocabulary without GPT-2's own end has another one, unless nothing says so.
  if (vocab.has(END_OF_TEXT) || tokenText(config.eos_token ?? map.eos_token) === undefined) named.push(END_OF_TEXT);
  let next = 0;
  for (const id of vocab.values()) next = Math.max(next, id + 1);
  for (const { id } of tokens.values()) next = Math.max(next, id + 1);
  for (const value of named) {
    const content = tokenText(value);
    if (content === undefined) continue;
    const known = tokens.get(content);
    const token = known ?? addedToken(vocab.get(content) ?? next++, content, record(value));
    tokens.set(content, { ...token, special: true });
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

const record = (value: unknown): Json => (isObject(value) ? value : {});

const bad = (message: string, options?: ErrorOptions) => new ModelError('bad_tokenizer', message, options);
