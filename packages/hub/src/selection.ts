// The files of a model that are needed, among all that its repository holds: one form of weights, and no copies for
// other frameworks.

import { ModelError } from '@ludic/models';
import {
  ggufNames,
  indexOf,
  lacksConfig,
  lacksWeights,
  shardsOf,
  TOKENIZER_FILES,
  WEIGHT_FILES,
} from '@ludic/models/internal';

export interface Selection {
  /** config.json, tokenizer and the like. */
  readonly small: readonly string[];
  /** The weights in one file, or the index of several. */
  readonly weights: { readonly kind: 'whole' | 'index'; readonly file: string };
}

/**
 * @param model what people know it by
 * @param wanted a GGUF file that is the model; one that is alone in a repository without a config.json need not be named
 * @throws ModelError `not_a_model` where there is no config.json or nothing that holds weights
 */
export function select(model: string, names: ReadonlySet<string>, wanted?: string): Selection {
  const ggufs = ggufNames(names);
  const gguf = wanted ?? (ggufs.length === 1 && !names.has('config.json') ? ggufs[0] : undefined);
  if (gguf !== undefined) {
    if (names.has(gguf)) return { small: [], weights: { kind: 'whole', file: gguf } };
    const others = ggufs.length > 0 ? ` (GGUF files in it: ${ggufs.join(', ')})` : '';
    throw new ModelError('not_a_model', `${model} is not there: its repository has no such file${others}.`);
  }
  if (!names.has('config.json')) throw lacksConfig(model, names);
  const [file] = WEIGHT_FILES.flatMap((name) => [name, indexOf(name)]).filter((name) => names.has(name));
  if (file === undefined) throw lacksWeights(model, names, WEIGHT_FILES);
  // The tokenizer in one file makes GPT-2's older files superfluous.
  const superfluous = names.has('tokenizer.json') ? ['vocab.json', 'merges.txt', 'added_tokens.json'] : [];
  const small = ['config.json', ...TOKENIZER_FILES].filter((name) => names.has(name) && !superfluous.includes(name));
  return { small, weights: { kind: WEIGHT_FILES.includes(file) ? 'whole' : 'index', file } };
}

/** The files that an index names. @throws ModelError `bad_tensors` */
export function shardsIn(model: string, file: string, index: Uint8Array): readonly string[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(index));
  } catch (error) {
    throw new ModelError('bad_tensors', `${file} of ${model} is damaged: it is no JSON.`, { cause: error });
  }
  return [...new Set(shardsOf(model, file, json).values())];
}
